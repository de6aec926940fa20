from unitscope.page.run import _by_site
from unitscope.view import Group, Histogram, Scatter


def saturation(site):
    group = Group(site, [0.2], [0.1], [f"{site}/0"])
    return Scatter("Saturation", [group], "right", "left", xrange=(0.0, 1.0), yrange=(0.0, 1.0))


def test_layers_share_the_picture_of_a_gate():
    sites = ["rnn.0.forget_gate", "rnn.0.input_gate", "rnn.1.forget_gate"]
    forget, let_in = _by_site([(site, saturation(site)) for site in sites])
    assert (forget.title, let_in.title) == ("Saturation: forget_gate", "Saturation: input_gate")
    assert isinstance(forget, Scatter)
    assert [group.name for group in forget.groups] == ["rnn.0.forget_gate", "rnn.1.forget_gate"]


def test_pictures_with_scales_of_their_own_stay_apart():
    views = [(site, Histogram("Values", [0.0, 1.0], [3.0])) for site in ("rnn.0.cell", "rnn.1.cell")]
    assert [view.title for view in _by_site(views)] == ["Values: rnn.0.cell", "Values: rnn.1.cell"]
