"""The page that shows the whole API: its script and style come with the package, so that it needs no internet."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

FILES = "/docs/files"

router = APIRouter(include_in_schema=False)


def add_docs(app: FastAPI) -> None:
    """Serve the page at /docs."""
    app.mount(FILES, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs")
    app.include_router(router)


@router.get("/docs")
async def page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Kronika",
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
