"""Ray as a driver, on two nodes of this machine. Run where the extra is installed."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from planted import one_site

from unitscope.fold.analyze import analyze
from unitscope.fold.on_ray import Ray
from unitscope.fold.state import content_digest
from unitscope.fold.store import Store
from unitscope.recording.record import record

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
ASKED = ["moments", "quantiles:size=32"]
LENGTHS = [1 + 7 * n % 40 for n in range(60)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    values = torch.randn(sum(LENGTHS), 5, generator=torch.Generator().manual_seed(0)).tanh()
    return record(one_site(values, LENGTHS), tmp_path_factory.mktemp("run") / "recording", shard_tokens=300)


@pytest.fixture(scope="module")
def two_nodes():
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    ray.init(
        address=cluster.address,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@dataclass(frozen=True)
class Deadly(Store):
    """Kills the first worker that saves."""

    marker: str = ""

    def save(self, key, packed):
        marker = Path(self.marker)
        if not marker.exists():
            marker.write_text(key)
            os.kill(os.getpid(), signal.SIGKILL)
        super().save(key, packed)


def digests(results):
    return {key: content_digest(result) for key, result in results.entries.items()}


def test_actors_on_two_nodes_leave_the_bytes_of_one_process(recording, two_nodes, tmp_path):
    expected = digests(analyze(recording, ASKED, work=400))
    assert digests(analyze(recording, ASKED, work=400, workers=Ray(2), store=str(tmp_path / "states"))) == expected


def test_an_actor_that_is_killed_loses_nothing(recording, two_nodes, tmp_path):
    store = Deadly(str(tmp_path / "states"), marker=str(tmp_path / "marker"))
    expected = digests(analyze(recording, ASKED, work=400))
    assert digests(analyze(recording, ASKED, work=400, workers=Ray(2), store=store)) == expected
    assert (tmp_path / "marker").exists()


def test_a_node_that_is_lost_loses_nothing(recording, two_nodes, tmp_path):
    node = two_nodes.add_node(num_cpus=1)
    told = []

    def tell(what, done, total):
        if not told:
            two_nodes.remove_node(node, allow_graceful=False)
        told.append(done)

    expected = digests(analyze(recording, ASKED, work=400))
    found = analyze(recording, ASKED, work=400, workers=Ray(3), store=str(tmp_path / "states"), progress=tell)
    assert digests(found) == expected
