"""The door to Flask: addresses of the page, who may see and do what, and what comes back.

Each request passes `_admit` first (name of the box, network, session; for POST also TLS, login, origin, token), and
every answer leaves through `_finish` (headers, ETag). A relay that is dead is said so; its refusals are shown in its
words.
"""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import flask
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from appliance.interface.client import Unreachable
from appliance.page import api, metrics, pages
from appliance.page.actions import Actions, Fault, Go, Reaction
from appliance.page.admission import COOKIE, Admission
from appliance.page.certificate import Certificate
from appliance.page.facts import Facts
from appliance.page.files import BUNDLE_MAX, Files
from appliance.page.guard import HEADERS, local_path
from appliance.page.login import Login
from appliance.page.views import Viewer
from appliance.page.wording import clean
from appliance.ports import Refused
from appliance.settings.schema import Settings

FOLDER: Final = Path(__file__).parent
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
BUNDLES: Final = "/files/update"
MORE: Final = 1 << 16  # octets of a form around its file
log = logging.getLogger(__name__)
Answer = Response | str | tuple[Any, ...]


def _static() -> dict[str, bytes]:
    """The few small files that pages load."""
    return {path.name: path.read_bytes() for path in sorted((FOLDER / "static").iterdir()) if path.suffix in TYPES}


class Web:
    """`own` gives the box's addresses, `app` is the WSGI application."""

    def __init__(
        self,
        settings: Settings,
        facts: Facts,
        certificate: Certificate,
        own: Callable[[], Iterable[str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._facts, self._certificate = settings, facts, certificate
        self._pages, self._api, self.files = pages.Pages(settings, facts), api.Api(facts), Files(settings)
        self._actions = Actions(facts, self.files, certificate)
        self._admission, self._login = Admission(settings, own, monotonic), Login(facts, monotonic)
        self._static = _static()
        self._version = hashlib.sha256(b"".join(self._static.values())).hexdigest()[:10]  # a new one is fetched anew
        self.app = self._build()

    def _build(self) -> Flask:
        app = Flask(__name__, template_folder="templates", static_folder=None)
        app.config.update(MAX_CONTENT_LENGTH=1 << 18, MAX_FORM_PARTS=20)
        app.request_class = _request_class(self.files)
        app.jinja_env.finalize = _printable
        app.before_request(self._admit)
        app.after_request(self._finish)
        for path, view, methods in (
            ("/", self.index, ["GET"]),
            ("/message/<name>", self.message, ["GET"]),
            ("/message/<name>/content.eml", self._logged_in(self._actions.content), ["GET"]),
            ("/message/<name>/<action>", self.act, ["POST"]),
            ("/devices", self.devices, ["GET"]),
            ("/static/<name>", self.static, ["GET"]),
            ("/words", self.words, ["GET"]),
            ("/files", self.file_page, ["GET"]),
            ("/files/certificate.pem", self.certificate, ["GET"]),
            ("/files/certificate", self.take_certificate, ["POST"]),
            ("/files/backup", self._form(self._actions.backup), ["POST"]),
            ("/files/support.txt", self._logged_in(self._actions.support), ["GET"]),
            ("/files/update", self.update, ["POST"]),
            ("/acknowledge", self._form(self._actions.acknowledge), ["POST"]),
            ("/flush", self._form(self._actions.flush), ["POST"]),
            ("/send-test", self._form(self._actions.send_test), ["POST"]),
            ("/login", self.login, ["GET", "POST"]),
            ("/logout", self.logout, ["POST"]),
            ("/healthz", lambda: Response("ok\n", mimetype="text/plain"), ["GET"]),
            ("/readyz", self.ready, ["GET"]),
            ("/metrics", self.metrics, ["GET"]),
            ("/api/<verb>", self.api, ["GET"]),
            ("/api/<verb>/<name>", self.api, ["GET"]),
        ):
            endpoint = f"{path}"
            app.add_url_rule(path, endpoint.replace(".", "-"), view, methods=methods)
        app.register_error_handler(HTTPException, self._http_error)
        app.register_error_handler(
            Unreachable, lambda error: self._error(503, "The relay does not answer", pages.UNCHANGED)
        )
        app.register_error_handler(Refused, lambda error: self._error(409, "That cannot be", str(error)))
        app.register_error_handler(Exception, self._bug)
        return app

    # -- each request -----------------------------------------------------------------------------------------------

    def _admit(self) -> Answer | None:
        environ = request.environ
        host, secure = environ.get("HTTP_HOST", ""), environ["wsgi.url_scheme"] == "https"
        g.cookie, g.viewer = request.cookies.get(COOKIE, "") if secure else "", Viewer()
        if refused := self._admission.refusal(host, request.path, environ.get("REMOTE_ADDR", "")):
            return self._plain(*refused)
        g.viewer = self._admission.viewer(g.cookie, secure, touch="X-Live" not in request.headers)
        if request.method != "POST":
            return None
        if g.viewer.actions and request.path == BUNDLES:
            request.max_content_length = BUNDLE_MAX + MORE
        origin, token = request.headers.get("Origin", ""), request.form.get("csrf", "")
        title, words = self._admission.wrong_form(g.viewer, request.path, origin, host, g.cookie, token)
        return self._error(403, title, words) if title else None

    def _finish(self, response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers.pop("Server", None)
        if request.path.startswith("/static/") and "v" in request.args:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
            return response
        response.headers["Cache-Control"] = "no-store" if g.viewer.actions else "no-cache, private"
        if request.method == "GET" and response.status_code == 200 and not response.is_streamed:
            response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:20], weak=True)
            response.make_conditional(request)
        return response

    def _plain(self, code: int, words: str) -> Response:
        return Response(words + "\n", code, mimetype="text/plain")

    def _http_error(self, error: HTTPException) -> Answer:
        code = error.code or 500
        words = {404: "There is no such page.", 405: "That is not possible here.", 413: "That is too large."}
        return self._error(code, "Not found" if code == 404 else "Error", words.get(code, "The page had trouble."))

    def _bug(self, error: Exception) -> Answer:
        """A bug costs this answer only; the path in the log cannot begin a line."""
        log.error("a bug in the page at %s", clean(request.path, 200), exc_info=error)
        return self._error(500, "Error", "The page had trouble; it is noted in the log.")

    def _error(self, code: int, title: str, words: str) -> Answer:
        if request.path.startswith("/api/"):
            return flask.jsonify({"error": words}), code
        return self._render("error", {"title": title, "words": words}), code

    def _render(self, template: str, context: dict[str, Any]) -> str:
        viewer: Viewer = g.viewer
        return flask.render_template(
            f"{template}.html",
            viewer=viewer,
            version=self._version,
            box_name=self._settings.network.host_name,
            fingerprint=self._certificate.fingerprint if viewer.secure else "",
            login_url="" if viewer.actions else self._login_url(),
            note=pages.NOTES.get(request.args.get("note", ""), ""),
            **context,
        )

    def _login_url(self) -> str:
        """Of the page with login, which is the one with TLS; "" when there is none."""
        target = "/login?next=" + quote(local_path(request.path), safe="/")
        if g.viewer.secure:
            return target
        port = self._settings.page.tls_port
        host = request.environ["HTTP_HOST"].rpartition(":")[0] or request.environ["HTTP_HOST"]
        if host.startswith("[") and not host.endswith("]"):
            host = request.environ["HTTP_HOST"]
        return f"https://{host}{'' if port == 443 else f':{port}'}{target}" if port else ""

    # -- pages --------------------------------------------------------------------------------------------------------

    def index(self) -> Answer:
        return self._render("index", self._pages.index(g.viewer, request.args))

    def message(self, name: str) -> Answer:
        try:
            return self._render("message", self._pages.message(g.viewer, name))
        except Refused as refused:
            return self._error(404, "Not known", str(refused))

    def devices(self) -> Answer:
        return self._render("devices", self._pages.devices(g.viewer))

    def static(self, name: str) -> Answer:
        if (octets := self._static.get(name)) is None:
            flask.abort(404)
        return Response(octets, mimetype=TYPES[Path(name).suffix])

    def words(self) -> Answer:
        return self._render("words", self._pages.words())

    def ready(self) -> Answer:
        trouble = self._pages.not_ready()
        return self._plain(503 if trouble else 200, trouble or "ready")

    def metrics(self) -> Answer:
        return Response(metrics.text(self._facts.status()), content_type=metrics.TYPE)

    def api(self, verb: str, name: str = "") -> Answer:
        found = self._api.answer(verb, name, request.args, g.viewer.details)
        return self._error(404, "", "no such question") if found is None else flask.jsonify(found)

    # -- login --------------------------------------------------------------------------------------------------------

    def login(self) -> Answer:
        target, secure, problem, code = local_path(request.values.get("next", "/")), g.viewer.secure, "", 200
        if request.method == "POST":
            problem = self._login.check(request.environ.get("REMOTE_ADDR", ""), request.form.get("password", ""))
            if not problem:
                return self._with_cookie(_go(target), self._admission.begin(g.cookie))
            code = 403
        fresh, g.viewer = self._admission.guest(g.cookie, g.viewer)
        shown = self._render("login", {"here": "login", "secure": secure, "problem": problem, "next": target})
        response = flask.make_response(shown, code)
        return self._with_cookie(response, fresh) if fresh != g.cookie else response

    def _with_cookie(self, response: Any, name: str) -> Response:
        response.set_cookie(COOKIE, name, secure=True, httponly=True, samesite="Strict", path="/")
        made: Response = response
        return made

    def logout(self) -> Answer:
        self._admission.end(g.cookie)
        response = _go("/?note=out")
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Strict", path="/")
        return response

    # -- actions and files ------------------------------------------------------------------------------------------

    def _form(self, action: Callable[[Mapping[str, str]], Reaction]) -> Callable[[], Answer]:
        return lambda: self._answer(action(request.form))

    def _logged_in(self, answer: Callable[..., Reaction]) -> Callable[..., Answer]:
        """For a GET that only somebody logged in may have."""
        return lambda **names: self._answer(answer(**names)) if g.viewer.actions else self._login_first()

    def _answer(self, reaction: Reaction) -> Answer:
        if isinstance(reaction, Go):
            return _go(reaction.target)
        if isinstance(reaction, Fault):
            return self._error(reaction.code, reaction.title, reaction.words)
        headers = {"Content-Disposition": f'attachment; filename="{reaction.name}"'}
        return Response(reaction.octets, content_type=reaction.kind, headers=headers)

    def _login_first(self) -> Answer:
        return _go(self._login_url() or "/login")

    def act(self, name: str, action: str) -> Answer:
        return self._answer(self._actions.act(name, action))

    def certificate(self) -> Answer:
        return self._answer(self._actions.certificate())

    def takes(self, path: str, cookies: str, octets: int) -> bool:
        """Whether so large a body may be sent: an update bundle, by somebody who is logged in, while there is room."""
        return path == BUNDLES and self._admission.known(cookies) and self.files.takes(octets)

    def file_page(self) -> Answer:
        if not g.viewer.actions:
            return self._login_first()
        return self._render("files", {"here": "files", "update": self.files.update(), "bundles": self.files.ready})

    def update(self) -> Answer:
        sent = request.files.get("bundle")
        return self._answer(self._actions.update(sent.stream if sent and sent.filename else None))

    def take_certificate(self) -> Answer:
        chain, key = request.files.get("chain"), request.files.get("key")
        sent = chain.read() if chain and chain.filename else b""
        return self._answer(self._actions.take_certificate(sent, key.read() if key else b""))


def _request_class(files: Files) -> type[flask.Request]:
    """Requests whose bundle goes to its folder, not to memory; other files are as small as their form."""

    class Request(flask.Request):
        def _get_file_stream(self, *about: Any, **more: Any) -> Any:
            return files.draft() if g.viewer.actions and self.path == BUNDLES and files.ready else io.BytesIO()

    return Request


def _printable(value: Any) -> Any:
    """Whatever a template prints: text without control characters; the template escapes it after this."""
    return clean(value, 4000) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _go(target: str) -> Response:
    """To another page of the box, by GET."""
    return flask.make_response(flask.redirect(target, 303))
