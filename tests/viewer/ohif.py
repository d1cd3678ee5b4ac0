"""The prebuilt OHIF viewer, served beside an Orthanc's DICOMweb: the standard library's HTTP server is enough."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request

from tests.pacs.orthanc import LOOPBACK, Orthanc, open_url

DICOMWEB = "/dicom-web/"
# One data source, the Orthanc behind this server.
CONFIGURATION = """
window.config = {
  routerBasename: null,
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false,
  investigationalUseDialog: { option: 'never' },
  maxNumberOfWebWorkers: 2,
  defaultDataSourceName: 'orthanc',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'orthanc',
    configuration: {
      friendlyName: 'Orthanc',
      name: 'orthanc',
      wadoUriRoot: '/dicom-web',
      qidoRoot: '/dicom-web',
      wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false,
      imageRendering: 'wadors',
      thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true,
      supportsFuzzyMatching: false,
      supportsWildcard: true,
      omitQuotationForMultipartRequest: true,
      bulkDataURI: { enabled: true },
    },
  }],
};
"""


class Handler(SimpleHTTPRequestHandler):
    """Files of the viewer; its one page for every other path; DICOMweb passed on to Orthanc."""

    orthanc: Orthanc

    def do_GET(self) -> None:
        with suppress(ConnectionError):  # the browser no longer wants it
            self._get(self.path.partition("?")[0])

    def _get(self, path: str) -> None:
        if path.startswith(DICOMWEB):
            self._pass_on()
        elif path == "/app-config.js":
            self._answer(200, CONFIGURATION.encode(), {"Content-Type": "text/javascript"})
        else:
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def _pass_on(self) -> None:
        request = Request(f"{self.orthanc.url}{self.path}", headers={"Accept": self.headers["Accept"]})
        try:
            with open_url(request) as answer:
                self._answer(answer.status, answer.read(), answer.headers)
        except HTTPError as error:
            self._answer(error.code, error.read(), error.headers)

    def _answer(self, status: int, body: bytes, headers: "dict[str, str]") -> None:
        self.send_response(status)
        self.send_header("Content-Type", headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving_viewer(files: Path, orthanc: Orthanc) -> Iterator[str]:
    """The viewer's address, until the context ends.

    Args:
        files: the folder ``dist`` of the npm package @ohif/app.
        orthanc: what it shows.
    """

    class ViewerHandler(Handler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(files))

    ViewerHandler.orthanc = orthanc
    with ThreadingHTTPServer((LOOPBACK, 0), ViewerHandler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
