"""Google Fit REST v1, as it really answers.

One aggregate call brings all metrics of a person, of each device where devices are told apart
(`google_fit_streams.py`). What was typed in by hand stands in streams of its own
(`raw:<type>:com.google.android.apps.fitness:user_input`) and is inside the merged values as well,
so it is asked for beside them and subtracted. A stream that does not exist answers 403, which fails
the whole call; hence the person's streams are listed first, and again when they grow old.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import aiohttp
import orjson

from domain import clock
from domain.errors import Refused, Retryable
from domain.fitness.google_scopes import SCOPE_OF
from domain.fitness.providers.base import Account, Device, DeviceReadings, DeviceStream, Pulled
from domain.fitness.providers.google_fit_answers import (
    AGGREGATE,
    DATA_SOURCES,
    QUARTER_MS,
    Aggregate,
    StreamMissing,
    TypeUnreadable,
    decode,
    error_of,
    parse,
)
from domain.fitness.providers.google_fit_streams import MANUAL, TYPES, choose
from domain.fitness.readings import Readings, Stream
from domain.fitness.sources import key_of
from domain.fitness.windows import Window
from models.slots import Metric

SOURCE = "google_fit"
LIST_AGAIN_AFTER = timedelta(hours=1)
"""How long a first hand-typed value may pass as measured; the look-back then corrects it."""
LIST_FIELDS = (
    "dataSource(dataStreamId,dataStreamName,dataType/name,application/packageName,"
    "device(manufacturer,model,type,uid))"
)
FIELDS = "bucket(startTimeMillis,dataset(point(value(intVal,fpVal))))"
CALL_TIMEOUT = aiohttp.ClientTimeout(total=8, connect=3)


class GoogleFit:
    """A client for one batch of people; holds the batch's connections."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str) -> None:
        self._http = http
        self._me = f"{base_url}/fitness/v1/users/me"

    async def pull(self, account: Account, window: Window) -> Pulled:
        """Fetch all metrics that the person's scopes open. See `providers.base.Pull`."""
        metrics = [metric for metric in Metric if SCOPE_OF[metric] in account.scopes]
        if not metrics:
            raise Refused("No scope for any metric was granted.", code="scope_missing")
        now = clock.now()
        listed = account.streams_listed_at
        if listed is None or now - listed >= LIST_AGAIN_AFTER:
            account = await self._list_again(account, metrics, now)
        while True:
            try:
                return await self._pull(account, metrics, window)
            except StreamMissing:
                account = await self._without_missing(account, metrics, now)
            except TypeUnreadable as error:
                readable = [metric for metric in metrics if TYPES[metric] != error.data_type]
                if readable == metrics or not readable:
                    raise
                metrics = readable

    async def _without_missing(
        self, account: Account, metrics: Sequence[Metric], now: datetime
    ) -> Account:
        """Forget a stream that is gone: list anew, and if the list still has it, do without."""
        if not account.manual_streams and not account.device_streams:
            raise Refused("Google misses a stream that was not asked for.")
        if account.streams_listed_at != now:
            return await self._list_again(account, metrics, now)
        if account.device_streams:
            return replace(account, device_streams=())
        return replace(account, manual_streams=())

    async def _list_again(
        self, account: Account, metrics: Sequence[Metric], now: datetime
    ) -> Account:
        """Learn which streams of hand-typed values and of single devices the person has."""
        query = [("dataTypeName", TYPES[metric]) for metric in metrics]
        query.append(("fields", LIST_FIELDS))
        content = await self._call("GET", "dataSources", account.access_token, query=query)
        streams = choose(decode(DATA_SOURCES, content).dataSource)
        return replace(
            account,
            manual_streams=streams.manual,
            device_streams=streams.by_device,
            streams_listed_at=now,
        )

    async def _pull(self, account: Account, metrics: Sequence[Metric], window: Window) -> Pulled:
        """Ask for everything at once; the answer's data sets come in the order of the question."""
        by_hand = [
            (metric, stream)
            for stream in account.manual_streams
            for metric in metrics
            if stream == f"raw:{TYPES[metric]}{MANUAL}"
        ]
        apart = [one for one in account.device_streams if one.metric in metrics]
        merged = [metric for metric in metrics if all(one.metric != metric for one in apart)]
        asked = [{"dataTypeName": TYPES[metric]} for metric in merged]
        asked += [{"dataSourceId": stream} for _, stream in by_hand]
        asked += [{"dataSourceId": one.stream} for one in apart]
        columns: list[list[int]] = [[] for _ in asked]
        for call in window.calls():
            answer = await self._aggregate(account.access_token, asked, call)
            for column, values in zip(columns, parse(answer, len(asked), call), strict=True):
                column.extend(values)
        found = iter(columns)
        whole = {metric: next(found) for metric in merged}
        typed = {metric: next(found) for metric, _ in by_hand}
        streams = [split(metric, whole[metric], typed.get(metric)) for metric in merged]
        nothing = [0] * window.slots
        streams += [Stream(one, nothing, typed[one]) for one in typed if one not in merged]
        return Pulled(
            Readings(SOURCE, window, streams),
            account.manual_streams,
            account.streams_listed_at or clock.now(),
            account.device_streams,
            by_device(window, [(one, next(found)) for one in apart]),
        )

    async def _aggregate(self, token: str, asked: list[dict[str, str]], call: Window) -> Aggregate:
        body = {
            "aggregateBy": asked,
            "bucketByTime": {"durationMillis": QUARTER_MS},
            "startTimeMillis": int(call.start.timestamp()) * 1000,
            "endTimeMillis": int(call.end.timestamp()) * 1000,
        }
        query = [("fields", FIELDS), ("prettyPrint", "false")]
        content = await self._call("POST", "dataset:aggregate", token, query=query, body=body)
        return decode(AGGREGATE, content)

    async def _call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        query: Sequence[tuple[str, str]],
        body: object | None = None,
    ) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._http.request(
                method,
                f"{self._me}/{path}",
                params=query,
                data=None if body is None else orjson.dumps(body),
                headers=headers,
                timeout=CALL_TIMEOUT,
            ) as answer:
                content = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Retryable(f"Google Fit did not answer: {type(error).__name__}.") from error
        if answer.status != 200:
            raise error_of(answer.status, answer.headers.get("Retry-After"), content)
        return content


def by_device(
    window: Window, counted: Sequence[tuple[DeviceStream, list[int]]]
) -> tuple[DeviceReadings, ...]:
    """Make each device a source of its own, whose key holds nothing that Google rewrites."""
    nothing = [0] * window.slots
    streams: dict[Device, list[Stream]] = {}
    for one, values in counted:
        streams.setdefault(one.device, []).append(Stream(one.metric, values, nothing))
    return tuple(
        DeviceReadings(
            device,
            Readings(
                key_of(SOURCE, device.kind, device.manufacturer, device.model, device.uid),
                window,
                found,
            ),
        )
        for device, found in streams.items()
    )


def split(metric: Metric, merged: list[int], manual: list[int] | None) -> Stream:
    """Take what was typed in out of what was merged.

    The merge may have dropped a typed value where a sensor had one, so it is never more than what
    is there.
    """
    if manual is None or not any(manual):
        return Stream(metric, merged, [0] * len(merged))
    typed = [min(pair) for pair in zip(merged, manual, strict=True)]
    measured = [whole - part for whole, part in zip(merged, typed, strict=True)]
    return Stream(metric, measured, typed)
