"""The page that shows the whole API: its script and style come with the package, so that it needs no internet."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

FILES = "/docs/files"
INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False)


def add_docs(app: FastAPI) -> None:
    """Serve the page at /docs."""
    app.mount(FILES, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs")
    app.include_router(router)


@router.get("/docs")
async def page() -> HTMLResponse:
    shown = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Kronika",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    shown.headers["Content-Security-Policy"] = policy(bytes(shown.body))
    return shown


def policy(page: bytes) -> str:
    """What the page may load: our own files, and the few lines of script that are written in it."""
    scripts = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in INLINE.findall(page))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
