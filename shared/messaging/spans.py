"""Spans of sending and taking in, after OpenTelemetry's conventions for messaging.

A batch is one span in a trace of its own, with links to what caused its messages, for a batch has many causes. Each
message has a short span in its own trace, with a link to the batch: so the trace of a request leads on through the log
to every service that heard of it. The context that travels with an event (`ce_traceparent`) is that of its creation
and is never changed on the way. `messaging.system` is left out: outside of the transports nothing knows which log runs.

Where nothing is exported, batches are not recorded, and all of this costs one span without content a batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, Tracer

from shared.messaging.fates import Dead, Item

MOST_LINKS: Final = 100  # collectors cut at 128

Headers = Mapping[str, bytes | str]
Message = tuple[str, Headers]
"""Topic and headers."""


def context_of(headers: Headers) -> Context:
    """Return the context in which the message was made; an empty one when it names none."""
    named = {name: headers.get(f"ce_{name}") for name in ("traceparent", "tracestate")}
    return propagate.extract({name: value for name, value in named.items() if isinstance(value, str)}, Context())


def cause_of(headers: Headers) -> SpanContext:
    """Return what caused the message; an invalid one when it does not say."""
    return trace.get_current_span(context_of(headers)).get_span_context()


@contextmanager
def batch_span(
    tracer: Tracer, operation: str, kind: SpanKind, messages: Sequence[Message], **attributes: str
) -> Iterator[Span]:
    """Make a span of `operation` ("send", "process") on `messages`, current inside the block."""
    topics = {topic for topic, _ in messages}
    name = f"{operation} {topics.pop()}" if len(topics) == 1 else operation
    with tracer.start_as_current_span(
        name, context=Context(), kind=kind, record_exception=False, set_status_on_exception=False
    ) as span:
        if span.is_recording():
            span.set_attributes(_told(operation, messages[0][0]) | attributes)
            span.set_attribute("messaging.batch.message_count", len(messages))
            for _, headers in messages[:MOST_LINKS]:
                if (cause := cause_of(headers)).is_valid:
                    span.add_link(cause)
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise


class SentSpans:
    """The spans of messages on their way to the log, one in each message's trace, begun together."""

    def __init__(self, tracer: Tracer, batch: Span, messages: Sequence[Message]) -> None:
        self._spans = [
            _message_span(tracer, "send", SpanKind.PRODUCER, message, batch=batch) if batch.is_recording() else None
            for message in messages
        ]

    def end(self, outcome: Sequence[Exception | None]) -> None:
        """End them; `outcome` says of each what kept it from being sent."""
        for span, refusal in zip(self._spans, outcome, strict=True):
            if span is not None:
                if refusal is not None:
                    span.set_attribute("error.type", type(refusal).__qualname__)
                    span.set_status(StatusCode.ERROR)
                span.end()


class TakenSpans:
    """The spans of messages that are being taken in, one in each message's trace, from the opening of the transaction.

    Those of a transaction that is rolled back are never ended, and so never told: the messages are taken in anew.
    """

    def __init__(self, tracer: Tracer, items: Sequence[Item]) -> None:
        batch = trace.get_current_span()
        self._spans: dict[int, Span] = {}
        for item in items:
            message = (item.received.topic, item.received.headers)
            span = _message_span(tracer, "process", SpanKind.CONSUMER, message, batch=batch)
            if span is not None:
                self._spans[id(item)] = span

    @contextmanager
    def around(self, item: Item) -> Iterator[None]:
        """Make the message's span current, so that logs and events of its handler belong to its trace."""
        span = self._spans.get(id(item))
        inner = trace.set_span_in_context(span) if span is not None else context_of(item.received.headers)
        token = context.attach(inner)
        try:
            yield
        finally:
            context.detach(token)

    def end(self, item: Item, fate: str) -> None:
        """Say what became of the message."""
        span = self._spans.pop(id(item), None)
        if span is None:
            return
        span.set_attribute("cchc.fate", fate)
        if item.event is not None:
            span.set_attribute("cchc.event.type", item.event.attributes.type)
            span.set_attribute("messaging.message.id", str(item.event.attributes.id))
        if isinstance(item.verdict, Dead):
            span.set_attribute("cchc.reason_code", item.verdict.code)
            span.set_status(StatusCode.ERROR)
        span.end()


def _message_span(tracer: Tracer, operation: str, kind: SpanKind, message: Message, *, batch: Span) -> Span | None:
    """Begin a span in the message's trace; None where that is not recorded."""
    topic, headers = message
    named = headers.get("ce_traceparent")
    if not isinstance(named, str) or named.endswith("-00"):  # spares reading it
        return None
    made_in = context_of(headers)
    if not trace.get_current_span(made_in).get_span_context().trace_flags.sampled:
        return None
    links = [Link(batch.get_span_context())] if batch.get_span_context().is_valid else []
    return tracer.start_span(
        f"{operation} {topic}", context=made_in, kind=kind, links=links, attributes=_told(operation, topic)
    )


def _told(operation: str, topic: str) -> dict[str, str]:
    return {
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }
