-- Run once by psql as superuser on an empty server (docker: /docker-entrypoint-initdb.d).
-- One database and one role per service: a role owns its own database and may connect to no other.
-- Passwords come from the environment, so that no secret stands in a file.
\set ON_ERROR_STOP on
\getenv plans_password CCHC_PLANS_PASSWORD
\getenv tasks_password CCHC_TASKS_PASSWORD
\getenv reporting_password CCHC_REPORTING_PASSWORD
\getenv log_password CCHC_LOG_PASSWORD

CREATE ROLE cchc_plans LOGIN PASSWORD :'plans_password';
CREATE ROLE cchc_tasks LOGIN PASSWORD :'tasks_password';
CREATE ROLE cchc_reporting LOGIN PASSWORD :'reporting_password';
CREATE ROLE cchc_log LOGIN PASSWORD :'log_password';

CREATE DATABASE cchc_plans OWNER cchc_plans ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE cchc_tasks OWNER cchc_tasks ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE cchc_reporting OWNER cchc_reporting ENCODING 'UTF8' TEMPLATE template0;
-- The event log of the PostgreSQL transport; unused, and harmless, where Kafka carries the events.
CREATE DATABASE cchc_log OWNER cchc_log ENCODING 'UTF8' TEMPLATE template0;

REVOKE ALL ON DATABASE cchc_plans, cchc_tasks, cchc_reporting, cchc_log FROM PUBLIC;
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
