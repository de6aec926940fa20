"""Every option of the command line, once: its name, what it does and the bounds of its value.

A command names them in its signature; where a field of a dataclass is an option (``cli.fields``), the flag is looked
up here first, and else the field says what it is. One flag means one thing in every command; those of ``SENSES`` have a
second meaning, for the columns of tables.
"""

import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from unitscope.cli import console
from unitscope.corpus.sentence_tasks import ALONE

# What is read, and how it is written.
NETWORK = (
    "a trained network: its folder, stdlib-lstm256, which comes with unitscope, hf:FOLDER or hf:NAME@REVISION, "
    "peft:FOLDER, or model.py:function of your own"
)
RECORDING = "folder of a recording"
Encoding = Annotated[
    str, typer.Option("--encoding", help="of the files, such as latin-1; if not given, UTF-8 or what their mark says")
]
Columns = Annotated[
    str,
    typer.Option(
        "--columns",
        help="names of all columns, with commas between, of a table without a head (label,title,text) or of words in "
        "columns (form,xpos,_,entity)",
    ),
]
LabelColumn = Annotated[str, typer.Option("--label", help="column of a table that is the label; label if not given")]
TextColumn = Annotated[
    str, typer.Option("--text", help="column of a table that is the text, or several with commas; text if not given")
]
RowsOfPart = Annotated[str, typer.Option("--part", help="only rows of this part of a table: PART, or COLUMN=PART")]
Quotes = Annotated[
    bool | None,
    typer.Option("--quotes/--no-quotes", help="cells may stand in double quotes; if not given, those of .csv may"),
]
Unescape = Annotated[bool, typer.Option("--unescape", help="read &apos; and the like as what they stand for")]
Part = Annotated[
    str,
    typer.Option(
        "--part",
        help="train, validation, test or all; by default test for the network's own text, else all. Of a table the "
        "value in its column of parts, or COLUMN=VALUE",
    ),
]
Pattern = Annotated[str, typer.Option("--pattern", help="which files of a folder, for example *.txt")]
_SEQUENCES = typer.Option("--sequences", min=0, help="read only so many sequences, spread evenly; 0 for all")
Sequences = Annotated[int, _SEQUENCES]
Length = Annotated[int, typer.Option("--length", min=1, help="tokens of a sequence")]
Context = Annotated[
    int, typer.Option("--context", min=0, help="tokens of the same document that are read before each sequence")
]
StandIn = Annotated[
    str,
    typer.Option(
        "--stand-in", help="symbol to read in place of those that the network does not know; empty to refuse them"
    ),
]
ReadText = Annotated[
    list[str] | None,
    typer.Option("--text", help="what networks read that are no recordings; may be repeated"),
]
Over = Annotated[
    list[str] | None, typer.Option("--over", help="what a network reads: files, a folder, stdlib, treebanks")
]
Without = Annotated[
    Literal["nothing", "text", "tokens"],
    typer.Option(
        "--without",
        help="leave the text out of the recording, or the text and the tokens, so that it can be given to others",
    ),
]
KeptLabels = Annotated[
    list[str] | None,
    typer.Option("--keep-label", help="a label whose values the recording keeps, for the time without its text"),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="say what it would read and write, how long that takes, and stop")
]
Forced = Annotated[
    bool, typer.Option("--forced", help="feed the decoder of an encoder–decoder the targets, not what it wrote")
]
Test = Annotated[list[str] | None, typer.Option("--test", help="file to test on; may be repeated")]
TestPair = Annotated[
    tuple[Path, Path] | None, typer.Option("--test", help="file to test on, and its translations line by line")
]
HeldOut = Annotated[
    float,
    typer.Option(
        "--held-out", min=0, max=1, help="share of the texts to choose weights by, and to test on without --test"
    ),
]
TableOfLabels = Annotated[
    Path | None,
    typer.Option("--labels", help="table with a row for each token or each sequence; its columns are labels"),
]
StepsPerSecond = Annotated[
    float, typer.Option("--per-second", min=0, help="steps per second, for the label time; 0 where there is no time")
]

# Which sites, units and labels.
_SITES = typer.Option("--sites", help="glob patterns of the sites; may be repeated")
Sites = Annotated[list[str], _SITES]
SomeSites = Annotated[list[str] | None, _SITES]
Layouts = Annotated[
    list[str] | None,
    typer.Option(
        "--layout",
        help="axes of a module's values where they are not found, or found wrongly: 'PATTERN=batch head time unit'; "
        "may be repeated",
    ),
]
Units = Annotated[
    list[str],
    typer.Option("--units", help="sites by glob pattern, with or without numbers: 'rnn.0.hidden/0-9,17'"),
]
Unit = Annotated[
    str,
    typer.Option("--unit", help="show this unit alone in the terminal: site and number, as in rnn.0.hidden/67"),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        help="a name from unitscope ask --list, regex:PATTERN, words:the,a,an, column:upos, concept:TEXT, bank:FOLDER, "
        "neighbours:FOLDER, role:SPEAKER, file.py:function of your own; may be repeated",
    ),
]
ProbedLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        help="what to predict: upos, deprel, feats.Number, entity …; may be repeated; if not given, upos of words, "
        "deprel of edges, the label of spans",
    ),
]
WhereLabel = Annotated[
    list[str] | None,
    typer.Option("--where", help="a label whose damage is told apart from that elsewhere; may be repeated"),
]
By = Annotated[str, typer.Option("--by", help="a label of few values, at each of which damage is told apart")]
Only = Annotated[str, typer.Option("--only", help="only at tokens where a label holds, or has NAME=VALUE")]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--pair", help="SITE=SITE, where a site of the first has another name in the second"),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", help="NAME=FOLDER,FOLDER,… several runs of one kind; give it twice, once for each kind"),
]

# How it is asked.
Seed = Annotated[int, typer.Option("--seed", min=0, help="of everything that is drawn at random")]
Having = Annotated[
    list[str] | None,
    typer.Option(
        "--having",
        help="all pairs with such a score where units are chosen, in place of the best unit of each label: "
        "'|correlation| > 0.3', 'auroc > 0.9'; may be repeated",
    ),
]
Scores = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        help="what is measured beside r, from unitscope ask --list; may be repeated; if not given, auroc, iou and "
        "information",
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        min=0,
        help="read until 95 % of the correlations have intervals of at most this half-width; 0 reads all",
    ),
]
FormLength = Annotated[int, typer.Option("--form-length", min=1, help="labels that a formula joins, at most")]
Rows = Annotated[int, typer.Option("--rows", min=1, help="rows to print of a table that may be long")]
Fdr = Annotated[float, typer.Option("--fdr", min=0, max=1, help="false discovery rate over all units and labels")]
Baselines = Annotated[int, typer.Option("--baselines", min=0, help="untrained networks, 5 or more; 0 for none")]
Share = Annotated[
    float, typer.Option("--share", min=0, max=1, help="share of the text on which untrained networks are compared")
]
Controls = Annotated[bool, typer.Option("--controls/--no-controls", help="ask the same under labels that mean nothing")]
Ablate = Annotated[bool, typer.Option("--ablate/--no-ablate", help="ablate the units that pass all else")]
Untrained = Annotated[
    bool, typer.Option("--untrained/--no-untrained", help="measure the same network with untrained weights too")
]
ControlTasks = Annotated[
    int, typer.Option("--control-tasks", min=0, help="control tasks, each with its own random classes")
]
Codelength = Annotated[
    bool,
    typer.Option("--codelength/--no-codelength", help="measure the description length; takes as long again"),
]
Words = Annotated[int, typer.Option("--words", min=1, help="training words; as many at most are held out")]
Level = Annotated[
    Literal["word", "edge", "span", "sentence"],
    typer.Option("--level", help="what is probed: words, words with their heads, constituents or entities, sentences"),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        help=f"a task of sentences, made from the treebank: {', '.join(ALONE)}; may be repeated. Its sentences are "
        "not those of a recording, so give the model",
    ),
]
Pool = Annotated[
    Literal["first", "last", "mean"],
    typer.Option("--pool", help="which tokens of a word, span or sentence stand for it"),
]
Measure = Annotated[Literal["loss", "error"], typer.Option("--measure", help="nats, or the share of wrong symbols")]
Becomes = Annotated[
    Literal["mean", "zero", "resampled", "scaled"],
    typer.Option("--to", help="what a unit becomes: its mean, zero, its value in another sequence, or --factor times"),
]
Factor = Annotated[float, typer.Option("--factor", help="for --to scaled")]
Window = Annotated[str, typer.Option("--window", help="only in a window of steps, as 10:20 or 10:")]
Orders = Annotated[
    int,
    typer.Option(
        "--orders", min=0, help="also ablate more and more units, the worst first, against so many random orders"
    ),
]
Drives = Annotated[list[str], typer.Option("--drive", help="step, sine, impulse, ramp or chirp; may be repeated")]
Mode = Annotated[
    Literal["isolated", "clamped", "coupled"],
    typer.Option("--mode", help="each unit alone, with the others at their means, or the layer as it is"),
]
Way = Annotated[
    Literal["each", "together", "principal"],
    typer.Option("--way", help="what is driven: each channel, all together, or the main direction of the data"),
]
From = Annotated[
    str,
    typer.Option(
        "--from", help="drive the whole model from this site, such as its embeddings, and read all that follows"
    ),
]
Streams = Annotated[list[str], typer.Option("--streams", help="hidden, cell, or gates, as glob patterns")]
DriveSteps = Annotated[int, typer.Option("--drive-steps", min=2, help="length of the drives; they change half-way")]
Frequency = Annotated[float, typer.Option("--frequency", min=0, help="of the sine, periods per step")]
Band = Annotated[float, typer.Option("--band", min=0, help="share of the change within which a settled unit stays")]
Place = Annotated[str, typer.Option("--at", help="the phrase by its place: SEQUENCE:START-STOP, as in 12:30-41")]
Occurrence = Annotated[int, typer.Option("--occurrence", min=0, help="which place of the text, counted from 0")]
Threshold = Annotated[
    str,
    typer.Option(
        "--threshold",
        help="on from here upwards and, below 0, downwards: a number, deviations:1 (from the unit's mean) or "
        "quantile:0.1 (the share of steps on either side)",
    ),
]
Left = Annotated[bool, typer.Option("--left", help="units must be off at the step before")]
Right = Annotated[bool, typer.Option("--right", help="units must be off at the step after")]
Count = Annotated[int, typer.Option("--count", min=1, help="passages to find")]
Shortest = Annotated[int, typer.Option("--shortest", min=1, help="steps of a passage, at least")]
Longest = Annotated[int, typer.Option("--longest", min=0, help="steps of a passage, at most; 0 for any")]
Candidates = Annotated[
    int,
    typer.Option("--candidates", min=1, help="passages compared in full, of the largest intersections"),
]
Shown = Annotated[int, typer.Option("--shown", min=0, help="passages shown as text")]

# Networks that are trained.
Cell = Annotated[str, typer.Option("--cell", help="kind of recurrent layer")]
Hidden = Annotated[int, typer.Option("--hidden", min=1, help="units of each recurrent layer")]
_NETWORK = typer.Option("--network", help="kind of network")
Classifier = Annotated[Literal["vdcnn", "lstm", "gru", "transformer"], _NETWORK]
Translator = Annotated[Literal["attentive", "bytenet"], _NETWORK]
Size = Annotated[Literal["full", "small", "tiny"], typer.Option("--size", help="full is the published size")]
Depth = Annotated[int, typer.Option("--depth", min=0, help="stages, layers or blocks; 0 for as many as the size has")]
LongestText = Annotated[
    int,
    typer.Option("--cut", min=0, help="characters of a text, at most; a longer one is cut, a pair left out; 0 for any"),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option("--precision", help="of matrix products while training; auto: bfloat16 if it is faster"),
]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="times that the data are read")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="sequences that are run together")]
Rate = Annotated[float, typer.Option("--rate", min=0, help="largest learning rate")]
Snapshots = Annotated[
    list[float] | None,
    typer.Option(
        "--snapshot",
        min=0,
        help="epochs, such as 0.5, after which the weights are kept in snapshots/; may be repeated",
    ),
]
Checkpoints = Annotated[float, typer.Option("--checkpoint-seconds", min=0, help="seconds between checkpoints")]
Restart = Annotated[bool, typer.Option("--restart", help="throw away what the folder holds and begin again")]
Patience = Annotated[
    int,
    typer.Option("--patience", min=0, help="epochs without a better validation loss before it stops; 0 for never"),
]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="train the network anew first, as the shipped one was (some 20 minutes)")
]

# Banks of concepts and tasks that are made.
Phrases = Annotated[
    str,
    typer.Option(
        "--phrases", help="trees, ngrams, none, or an installed parser: spacy:MODEL, stanza:LANGUAGE, benepar:MODEL"
    ),
]
LongestPhrase = Annotated[int, typer.Option("--longest-phrase", min=1, help="words of the longest phrase")]
Lemmas = Annotated[bool, typer.Option("--lemmas", help="also lemmas")]
Morphemes = Annotated[bool, typer.Option("--morphemes", help="also morphemes, by Morfessor")]
MinCount = Annotated[int, typer.Option("--min-count", min=1, help="leave out what occurs less often")]
Tables = Annotated[int, typer.Option("--tables", min=2, help="tables of the longest compositions")]
Most = Annotated[int, typer.Option("--most", min=1, help="pairs of a set of longer compositions, at most")]

# How it is run.
Dtype = Annotated[
    Literal["float32", "float16", "bfloat16"],
    typer.Option("--dtype", help="precision on disk; float16 halves the size"),
]
ModelDtype = Annotated[
    Literal["auto", "float32", "float16", "bfloat16"],
    typer.Option("--model-dtype", help="precision of the model's weights; auto is that of its files"),
]
_WEIGHTS = typer.Option(
    "--weights", help="file with the weights of what model.py:function builds: .safetensors, .pt or .ckpt"
)
Weights = Annotated[str, _WEIGHTS]
WeightsOfEach = Annotated[list[str] | None, _WEIGHTS]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--arg", help="NAME=VALUE for the model.py:function that builds the model; may be repeated"),
]
Device = Annotated[
    str, typer.Option("--device", help="where to compute: cpu, cuda or mps; auto splits hf: models over what there is")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="processes at the same time, with one thread each")]
States = Annotated[
    str,
    typer.Option(
        "--states", help="folder, or s3://…, that keeps what was folded: an interrupted run continues from there"
    ),
]
PartOfWork = Annotated[
    str,
    typer.Option("--part", help="I/N: fold the share I (from 1) of N into --states and stop, for many machines"),
]
Host = Annotated[
    str,
    typer.Option("--host", help="address to listen at; another than this machine's own is seen by others"),
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="port to listen at; 0 for one that is free")]
ReadBy = Annotated[
    str,
    typer.Option("--model", help="what reads the text that is typed, where the recording does not say or is not yours"),
]
RootPath = Annotated[str, typer.Option("--root-path", help="where a proxy puts it, such as /proxy/8000")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="open the page in a browser")]

# What is written.
_OUT = typer.Option("--out", help="file or folder to write")
Out = Annotated[Path, _OUT]
SomeOut = Annotated[Path | None, _OUT]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="print the answer as JSON on standard output, and all else on standard error",
        callback=console.for_machines,
        is_eager=True,
    ),
]
TableFile = Annotated[Path | None, typer.Option("--table", help="also write the table: .csv, .parquet or .json")]
Pictures = Annotated[Path | None, typer.Option("--png", help="also write the pictures into this folder")]
Page = Annotated[Path | None, typer.Option("--html", help="also write a page")]
Keep = Annotated[str, typer.Option("--keep", help="keep it in the recording under this name, for its report")]

SENSES = ("--label", "--text", "--part", "--test", "--measure")
"""Flags that mean one thing of a corpus or a question, and another of a table, or of an ablation."""


def declared() -> dict[str, list[Any]]:
    """Every option that is declared here, by its first flag."""
    found: dict[str, list[Any]] = {}
    for value in globals().values():
        for option in typing.get_args(value)[1:] if typing.get_origin(value) is Annotated else ():
            name = option.default.partition("/")[0]  # in an Annotated, the first name stands where the default would
            if option not in (known := found.setdefault(name, [])):
                known.append(option)
    return found
