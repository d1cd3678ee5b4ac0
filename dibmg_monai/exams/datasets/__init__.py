"""Public data sets, a module each: a folder as its owners publish it -> a datalist.

The command line loads all of them to show its help: what is slow to import, they import when they read.
"""

from dibmg_monai.exams.datasets.cbis_ddsm import CBIS_DDSM
from dibmg_monai.exams.datasets.cmmd import CMMD
from dibmg_monai.exams.datasets.dataset import PublicDataset
from dibmg_monai.exams.datasets.ddsm import DDSM
from dibmg_monai.exams.datasets.inbreast import INBREAST
from dibmg_monai.exams.datasets.mini_mias import MINI_MIAS
from dibmg_monai.exams.datasets.rsna import RSNA
from dibmg_monai.exams.datasets.vindr_mammo import VINDR_MAMMO

DATASETS: dict[str, PublicDataset] = {
    dataset.name: dataset for dataset in (CBIS_DDSM, VINDR_MAMMO, CMMD, INBREAST, RSNA, DDSM, MINI_MIAS)
}
