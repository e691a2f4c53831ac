"""The event log as `cchc doctor` sees it: reachable, its topics, and whether it is the one the journals went to."""

import asyncio

from pydantic import SecretStr

from deploy.commands.doctor_databases import published_to
from deploy.commands.doctor_findings import Finding, broken, warning, well
from deploy.commands.installation import Installation
from shared.contracts.topics import ALL
from shared.database.engine import DatabaseTrouble, create_engine
from shared.database.revisions import LOG, pending
from shared.messaging.status import kind_of
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import LogUnavailable

ANSWER_SECONDS = 15.0


async def look_at_log(installation: Installation) -> list[Finding]:
    """Look at the event log of an installation."""
    if installation.settings.transport == "postgres":
        behind = await _migrations(installation.settings.log_database_url)
        if behind is not None:
            return [behind]
    transport = create_transport(installation.settings)
    await transport.start()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            cluster = await transport.cluster_id()
            found = [well("log", "", "Nhật ký sự kiện trả lời. [event log answers]")]
            found += [
                broken(
                    "topics",
                    each.topic,
                    f"Chủ đề khác khai báo: {each}. [topic not as declared]",
                    "Sửa chủ đề ở nhật ký sự kiện theo khai báo; số phân vùng chỉ tăng được, không giảm được.",
                )
                for each in await transport.shortfalls(ALL)
            ]
            if len(found) == 1:
                found.append(well("topics", "", "Các chủ đề đúng khai báo. [topics as declared]"))
            return found + await _journals(installation, cluster)
    except (LogUnavailable, TimeoutError, OSError) as error:
        return [_away(str(error) if isinstance(error, LogUnavailable) else kind_of(error))]
    finally:
        await transport.stop()


def _away(kind: str) -> Finding:
    return broken(
        "log",
        "",
        f"Nhật ký sự kiện không trả lời: {kind}. [event log does not answer]",
        "Đưa nó trở lại (PostgreSQL: cơ sở dữ liệu cchc_log có cho kết nối không; Kafka: broker có chạy không, "
        "CCHC_KAFKA_BOOTSTRAP có đúng không). Báo cáo hoàn thành vẫn được nhận và tự phát sau, đúng thứ tự.",
    )


async def _migrations(url: SecretStr) -> Finding | None:
    engine = create_engine(url, application_name="cchc-doctor", pool_size=1)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            missing = await pending(engine, LOG)
    except (*DatabaseTrouble, TimeoutError) as error:
        return _away(kind_of(error))
    finally:
        await engine.dispose()
    if missing is None:
        return None
    sentence = f"Cơ sở dữ liệu của nhật ký sự kiện chưa được nâng cấp. [{missing}]"
    return broken("migrations", "log", sentence, "`cchc migrate`; chạy lại bao nhiêu lần cũng được.")


async def _journals(installation: Installation, cluster: str) -> list[Finding]:
    elsewhere = [
        service
        for service in installation.services
        if (known := await published_to(installation.url(service))) is not None and known != cluster
    ]
    return [
        warning(
            "journal",
            service,
            f"{service} đã phát vào một nhật ký sự kiện khác nhật ký đang dùng. [published to another log]",
            f"Tiến trình nền của {service} tự phát lại toàn bộ trong vòng một phút; nếu không, xem dòng 'worker', rồi "
            f"`cchc refill --service {service}`.",
        )
        for service in elsewhere
    ]
