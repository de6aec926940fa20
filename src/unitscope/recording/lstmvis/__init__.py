"""Folders of LSTMVis (Strobelt et al. 2018, arXiv 1606.07461): read as a source, written from a recording.

A folder has ``lstm.yml``, which names the files and the data sets in them; an HDF5 file of states, one data set
``[step, cell]`` each; an HDF5 file with the number of the token at each step; and a dictionary of tokens.
Needs the packages h5py and PyYAML: ``pip install 'unitscope[lstmvis]'``.
"""

from unitscope.recording.lstmvis.reading import StatesCorpus, StatesModel, open_lstmvis
from unitscope.recording.lstmvis.writing import export_lstmvis

__all__ = ["StatesCorpus", "StatesModel", "export_lstmvis", "open_lstmvis"]
