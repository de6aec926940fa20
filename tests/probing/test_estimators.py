import numpy as np
import pytest
from clusters import clusters
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from unitscope.errors import InputError
from unitscope.probing.estimators import Classifier, HiddenProbe, LinearProbe, RidgeProbe

NAMES = np.array(["ADJ", "NOUN", "VERB", "X"])


PROBES = [
    LinearProbe(l2=1e-3),
    HiddenProbe(width=16, rate=1e-2, batch=100),
    HiddenProbe(width=16, depth=2, rate=1e-2, batch=100),
]


@pytest.mark.parametrize("probe", PROBES)
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


@pytest.mark.parametrize("probe", PROBES)
def test_what_check_estimator_asks(probe: Classifier) -> None:
    """The checks of scikit-learn that have a meaning here, with our own message for each misuse."""
    x, y = (values.numpy() for values in clusters(words=300))
    before = x.copy(), y.copy()
    one, two = clone(probe).fit(x, y), clone(probe).fit(x, y)
    np.testing.assert_array_equal(one.predict_proba(x), two.predict_proba(x))  # the same fit twice
    np.testing.assert_array_equal(one.fit(x, y).predict(x), two.predict(x))  # and again on the same object
    np.testing.assert_array_equal(one.predict(x[:7]), one.predict(x)[:7])  # row by row
    np.testing.assert_array_equal(one.predict(np.asfortranarray(x)), one.predict(x))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])
    assert one.fit(x, y) is one
    assert list(clone(probe).fit(x, NAMES[y].astype(object)).classes_) == list(NAMES)
    assert one.predict(x.astype(np.float64).astype(np.float32)).dtype == y.dtype
    with pytest.raises(InputError, match="not fitted yet"):
        clone(probe).predict(x)
    with pytest.raises(InputError, match="fitted to 12 units and is given 11"):
        one.predict(x[:, 1:])
    with pytest.raises(InputError, match="not finite"):
        clone(probe).fit(np.where(x == x[3, 4], np.nan, x), y)


def test_inside_scikit_learn() -> None:
    x, y = (values.numpy() for values in clusters(words=300))
    search = GridSearchCV(Pipeline([("scale", StandardScaler()), ("probe", LinearProbe())]), {"probe__l2": [1e-4, 1e2]})
    assert search.fit(x, y).best_params_ == {"probe__l2": 1e-4}
    assert cross_val_score(LinearProbe(), x, y, cv=3).mean() > 0.75


def test_regression_against_scikit_learn() -> None:
    x, y = clusters(words=200)
    values = np.stack([x[:, 0].numpy() * 2 - 1, y.numpy()], 1)
    ours, theirs = RidgeProbe(l2=3.0).fit(x, values), Ridge(alpha=3.0).fit(x.double().numpy(), values)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x.double().numpy()), rtol=1e-6)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-8)
    assert ours.score(x, values) == pytest.approx(theirs.score(x.double().numpy(), values))
    single = clone(RidgeProbe(l2=3.0)).fit(x, values[:, 0])
    assert single.predict(x).shape == (200,)
    with pytest.raises(InputError, match="200 words have values of shape"):
        RidgeProbe().fit(x, values[1:])
    with pytest.raises(InputError, match="not fitted yet"):
        RidgeProbe().predict(x)
