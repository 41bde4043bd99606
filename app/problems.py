"""A refusal becomes one RFC 9457 document, in zh-CN or en by `Accept-Language`; it never echoes the input.

Texts of the codes that plumbing itself raises live here; a feature's texts live in its `texts.py` and are added at
composition with `add_texts`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import FieldError, Invalid, Refusal

Texts = Mapping[str, tuple[str, str]]

_TEXTS: dict[str, tuple[str, str]] = {
    "bad_request": ("请求无法读取", "The request cannot be read"),
    "malformed_json": ("请求正文不是有效的 JSON", "The body is not valid JSON"),
    "malformed_yaml": (
        "请求正文不是有效的 YAML:第 {line} 行第 {column} 列",
        "The body is not valid YAML: line {line}, column {column}",
    ),
    "yaml_alias": (
        "YAML 中不能使用引用(*):第 {line} 行第 {column} 列",
        "Aliases (*) are not taken in YAML: line {line}, column {column}",
    ),
    "yaml_too_deep": (
        "YAML 最多 {depth_max} 层:第 {line} 行第 {column} 列",
        "YAML is taken {depth_max} levels deep: line {line}, column {column}",
    ),
    "yaml_not_json": (
        "YAML 中只能有 JSON 的值:文字、数字、是否、列表、以文字为键的映射",
        "YAML may hold what JSON does: texts, numbers, booleans, lists, mappings whose keys are texts",
    ),
    "unsupported_media_type": (
        "请用 application/json 发送(上传文件用 multipart/form-data)",
        "Send the body as application/json (a file as multipart/form-data)",
    ),
    "cursor_invalid": ("翻页游标无效", "The cursor is not valid"),
    "cursor_of_another_list": (
        "游标属于另一个筛选或排序",
        "The cursor belongs to another filter or order",
    ),
    "etag_invalid": (
        'If-Match 应为一个版本号,例如 "3"',
        'If-Match should be one version such as "3"',
    ),
    "not_authenticated": ("请先登录", "Log in first"),
    "not_permitted": ("您无权执行此操作", "You are not permitted to do this"),
    "not_found": ("没有找到", "Not found"),
    "method_not_allowed": ("此地址不支持该方法", "This address does not take that method"),
    "conflict": ("当前状态不允许此操作", "The present state does not allow this"),
    "busy_try_again": (
        "有人正在修改同一内容,请重试",
        "Somebody is changing the same thing; try again",
    ),
    "stale_version": (
        "内容已被他人修改,请刷新后重试",
        "It has been changed meanwhile; read it again",
    ),
    "version_required": ("此操作需要 If-Match", "This needs If-Match"),
    "body_too_large": (
        "请求正文过大,最多 {bytes_max} 字节",
        "The body is too large; at most {bytes_max} bytes",
    ),
    "validation_failed": ("提交的内容有误,请见 errors", "The input breaks rules; see errors"),
    "too_many_requests": ("请求过多,请稍后再试", "Too many requests; come back later"),
    "unavailable": ("服务暂不可用,请稍后再试", "Not available just now; try again"),
    "internal_error": (
        "服务器内部错误,已记录",
        "Something went wrong inside; it has been recorded",
    ),
    "idempotency_key_invalid": (
        "Idempotency-Key 应为 1 至 255 个可见字符",
        "Idempotency-Key takes 1 to 255 visible characters",
    ),
    "idempotency_key_reused": (
        "同一 Idempotency-Key 曾用于不同内容",
        "This Idempotency-Key was used with another body",
    ),
    "idempotency_in_progress": (
        "同一 Idempotency-Key 的请求正在处理",
        "A request with this Idempotency-Key is still running",
    ),
    "answer_not_replayable": (
        "该请求已经执行过,但答复过长,不会重发;请直接读取该资源",
        "The request was carried out; its answer is too long to be sent twice: read the resource",
    ),
    "secret_not_replayable": ("含密钥的答复不会重发", "An answer with a secret is not sent twice"),
}

_FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "missing": ("必填", "Required"),
    "extra_forbidden": ("没有这个字段", "There is no such field"),
    "string_too_short": ("至少 {min_length} 个字符", "At least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "At most {max_length} characters"),
    "too_long": ("最多 {max_length} 项", "At most {max_length} items"),
    "too_short": ("至少 {min_length} 项", "At least {min_length} items"),
    "string_type": ("应为文字", "Should be text"),
    "int_type": ("应为整数", "Should be a whole number"),
    "int_parsing": ("应为整数", "Should be a whole number"),
    "int_from_float": ("应为整数", "Should be a whole number"),
    "int_parsing_size": ("数字过大", "The number is too large"),
    "bool_type": ("应为 true 或 false", "Should be true or false"),
    "bool_parsing": ("应为 true 或 false", "Should be true or false"),
    "model_attributes_type": ("应为一个对象", "Should be an object"),
    "string_pattern_mismatch": ("应符合格式 {pattern}", "Should match {pattern}"),
    "string_unicode": ("应为 UTF-8 文字", "Should be UTF-8 text"),
    "dict_type": ("应为对象", "Should be an object"),
    "list_type": ("应为列表", "Should be a list"),
    "enum": ("应为其中之一:{expected}", "Should be one of {expected}"),
    "literal_error": ("应为其中之一:{expected}", "Should be one of {expected}"),
    "greater_than_equal": ("不小于 {ge}", "At least {ge}"),
    "less_than_equal": ("不大于 {le}", "At most {le}"),
    "uuid_parsing": ("应为 UUID", "Should be a UUID"),
    "uuid_type": ("应为 UUID", "Should be a UUID"),
    "timezone_aware": ("时间需带时区,例如 2026-03-02T09:00:00+08:00", "An instant needs its zone"),
    "datetime_from_date_parsing": ("应为 RFC 3339 时间", "Should be an RFC 3339 instant"),
    "datetime_parsing": ("应为 RFC 3339 时间", "Should be an RFC 3339 instant"),
    "not_text": ("含有不可用的字符(U+0000)", "Holds a character that cannot be kept (U+0000)"),
    "unknown_reference": ("所指的对象不存在或不可见", "Names something that does not exist or is invisible"),
    "invalid": ("不正确", "Not valid"),
}  # fmt: skip


def add_texts(texts: Texts, field_texts: Texts | None = None) -> None:
    """Add a feature's texts: code -> (zh-CN, en). A code known with other words raises `ValueError`."""
    for table, new in ((_TEXTS, texts), (_FIELD_TEXTS, field_texts or {})):
        for code, pair in new.items():
            if table.setdefault(code, pair) != pair:
                raise ValueError(f"problem code {code} has two texts")


def field_text(code: str, values: Mapping[str, Any], language: str) -> str:
    """Return what a field's code says, or a whole refusal's where it is that of one."""
    table = _FIELD_TEXTS if code in _FIELD_TEXTS else _TEXTS
    return _say(table, code, values, language)


def known_codes() -> set[str]:
    """Return every code that has a text, of problems and of fields."""
    return {*_TEXTS, *_FIELD_TEXTS}


def language_of(header: str | None) -> str:
    """Return `en` when the caller prefers English to Chinese, else `zh-CN`."""
    best, language = -1.0, "zh-CN"
    for part in (header or "").split(","):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag[:2] in ("zh", "en") and weight > best:
            best, language = weight, "en" if tag[:2] == "en" else "zh-CN"
    return language


def problem_document(
    refusal: Refusal, *, language: str, instance: str, request_id: str | None
) -> dict[str, Any]:
    """Return the problem as a mapping in the contract's form."""
    title = _say(_TEXTS, refusal.code, {}, language)
    document: dict[str, Any] = {
        "type": f"urn:huiying:problem:{refusal.code}",
        "title": title
        if "{" not in title
        else _say(_TEXTS, refusal.code, refusal.values, language),
        "status": refusal.status,
        "detail": _say(_TEXTS, refusal.code, refusal.values, language),
        "instance": instance,
        "code": refusal.code,
        "request_id": request_id,
    }
    if refusal.values:
        document["values"] = refusal.values
    if refusal.errors:
        document["errors"] = [
            {
                "pointer": e.pointer,
                "code": e.code,
                "detail": _say(_FIELD_TEXTS, e.code, e.values, language),
            }
            for e in refusal.errors
        ]
    return document


def _say(texts: Texts, code: str, values: Mapping[str, Any], language: str) -> str:
    pair = texts.get(code) or _FIELD_TEXTS.get(code) or _FIELD_TEXTS["invalid"]
    text = pair[1] if language == "en" else pair[0]
    try:
        return text.format(**values) if values else text
    except (KeyError, IndexError, ValueError):
        return text


def problem_response(refusal: Refusal, request: Request) -> Response:
    """Return the refusal as an answer to `request`."""
    document = problem_document(
        refusal,
        language=language_of(request.headers.get("accept-language")),
        instance=request.url.path,
        request_id=request.scope.get("huiying.request_id"),
    )
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if refusal.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(
        orjson.dumps(document, default=str),
        status_code=refusal.status,
        media_type="application/problem+json",
        headers=headers,
    )


def refusal_of_validation(errors: Sequence[Mapping[str, Any]]) -> Invalid:
    """Return pydantic's findings as one refusal: JSON Pointers and codes, never the input."""
    return Invalid(errors=[_field_error(error) for error in errors[:50]])


def _field_error(error: Mapping[str, Any]) -> FieldError:
    location = [str(part) for part in error["loc"]]
    if location and location[0] == "body":
        location = location[1:]
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in location)
    context = {
        name: value
        for name, value in (error.get("ctx") or {}).items()
        if isinstance(value, (str, int, float))
    }
    return FieldError(pointer, error["type"], context)


class HttpRefusal(Refusal):
    """A refusal of the framework's own (unknown path, method), with the status it chose."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, headers=headers)
        self.status = status  # type: ignore[misc]


_FRAMEWORK_CODES = {
    400: "bad_request", 401: "not_authenticated", 403: "not_permitted", 404: "not_found",
    405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type",
}  # fmt: skip

RefusalHook = Callable[[Request, Refusal], None]


def install_handlers(app: Any, record: RefusalHook) -> None:
    """Make every refusal of `app` a problem document; `record` is told of each one (the audit's hook)."""

    async def on_refusal(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        record(request, refusal)
        return problem_response(refusal, request)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(refusal_of_validation(error.errors()), request)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _FRAMEWORK_CODES.get(error.status_code, "bad_request")
        return problem_response(HttpRefusal(error.status_code, code, error.headers), request)

    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
