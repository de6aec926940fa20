import numpy as np
import pytest
from clusters import clusters
from sklearn.base import clone

from unitscope.errors import InputError
from unitscope.probing.estimators import Classifier, HiddenProbe, LinearProbe

NAMES = np.array(["ADJ", "NOUN", "VERB", "X"])


@pytest.mark.parametrize("probe", [LinearProbe(l2=1e-3), HiddenProbe(width=16, rate=1e-2, batch=100)])
def test_habits_of_scikit_learn(probe: Classifier) -> None:
    x, y = clusters(words=1000)
    held, truth = clusters(words=300, seed=1)
    fitted = clone(probe).fit(x.numpy(), NAMES[y.numpy()])
    assert list(fitted.classes_) == list(NAMES)
    assert fitted.score(held.numpy(), NAMES[truth.numpy()]) > 0.75
    np.testing.assert_allclose(fitted.predict_proba(held).sum(1), 1, rtol=1e-5)
    assert set(fitted.predict(held)) <= set(NAMES)
    assert not hasattr(probe, "classes_")
    assert clone(fitted).get_params() == probe.get_params()


def test_parameters() -> None:
    assert LinearProbe().set_params(l1=0.5).get_params()["l1"] == 0.5
    with pytest.raises(InputError, match="no parameter 'C'; there are: l1, l2"):
        LinearProbe().set_params(C=1)


def test_labels_that_do_not_fit() -> None:
    x, y = clusters(words=50)
    with pytest.raises(InputError, match="50 words have labels of shape"):
        LinearProbe().fit(x, y[:49])
    with pytest.raises(InputError, match="at least two classes"):
        LinearProbe().fit(x, y * 0)
    with pytest.raises(InputError, match=r"shape \[word unit\]"):
        LinearProbe().fit(x[0], y[:1])
