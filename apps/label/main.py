"""DIB-MG for MONAI Label: scores and maps of mammography exams, labels by readers, training on these.

    monailabel start_server --app apps/label --studies STUDIES --host 127.0.0.1

Research use only; not a medical device. docs/label.md says more.
"""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dicomweb_client.session_utils import create_session_from_user_pass
from lib.datastore import ExamDatastore
from lib.infer import Map, Scores
from lib.labels import CANCER
from lib.model import Model
from lib.overlay import LABELS
from lib.scoring import ScoreExams
from lib.sources import ArchiveSource, FolderSource
from lib.strategies import MostUncertain, Strongest
from lib.train import FineTune
from monailabel.config import settings
from monailabel.datastore.dicom import DICOMwebClientX
from monailabel.interfaces.app import MONAILabelApp

from dibmg_monai import __version__
from dibmg_monai.errors import DibmgError

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
DEFAULT_WORK = "out/label"
OPTIONS = ("work", "bundle", "weights", "server_mode")  # the last one is MONAI Label's own


class DibMgApp(MONAILabelApp):
    """The app.

    Args:
        app_dir: this folder.
        studies: a folder with DICOM files at any depth, or the address of an archive's DICOMweb.
        conf: ``work``, the folder for labels, scores and trained weights; ``bundle``, another bundle; ``weights``,
            other weights for it.

    Raises:
        DibmgError: if ``conf`` has anything else.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        if unknown := sorted(conf.keys() - set(OPTIONS)):
            raise DibmgError(f"--conf {unknown[0]} is none of {', '.join(OPTIONS[:-1])}")
        # They log requests, with the names of files that a client sent, and these may be patients' names.
        logging.getLogger("monailabel.endpoints").setLevel(logging.WARNING)
        self.work = Path(conf.get("work", DEFAULT_WORK)).absolute()
        self.model = Model(
            Path(conf.get("bundle", BUNDLE)),
            weights=Path(conf["weights"]) if "weights" in conf else None,
            work=self.work,
        )
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=dict(conf),
            name="DIB-MG (research use only)",
            description="Weakly supervised cancer detection in four-view mammography exams. Not a medical device",
            version=__version__,
            labels=[CANCER, *LABELS],
        )

    def init_datastore(self) -> ExamDatastore:
        """The exams, wherever they are."""
        return ExamDatastore(self._source(), work=self.work)

    def _source(self) -> ArchiveSource | FolderSource:
        if not self.studies.startswith(("http://", "https://")):
            return FolderSource(Path(self.studies))
        user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
        client = DICOMwebClientX(
            url=self.studies.rstrip("/"),
            session=create_session_from_user_pass(user, password) if user else None,
            qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
            wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
            stow_url_prefix=settings.MONAI_LABEL_STOW_PREFIX,
        )
        return ArchiveSource(client, root=self.work / "archive")

    def init_infers(self) -> dict[str, Scores]:
        """Scores as a classification, and the map as an overlay."""
        return {"dib_mg": Scores(self.model, self.datastore()), "dib_mg_map": Map(self.model, self.datastore())}

    def init_trainers(self) -> dict[str, FineTune]:
        """Fine-tuning on the readers' labels."""
        return {"dib_mg": FineTune(self.model, work=self.work)}

    def init_strategies(self) -> dict[str, MostUncertain | Strongest]:
        """Which exam is next."""
        return {"most_uncertain": MostUncertain(), "strongest": Strongest()}

    def init_scoring_methods(self) -> dict[str, ScoreExams]:
        """What the strategies need."""
        return {"dib_mg": ScoreExams(self.model)}

    def infer(self, request: Mapping[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Answer one request. Of paths on this machine, only what a client sent just now is taken: no other file's."""
        image = request["image"]
        sent = "session" in request or Path(image).parent == Path(tempfile.gettempdir())
        return super().infer(dict(request) if sent else {**request, "image_id": image}, datastore)
