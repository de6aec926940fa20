import pytest
import torch

from unitscope.corpus.sentence import Word
from unitscope.errors import InputError
from unitscope.probing.tasks import Task, control, random_labels, seen_share


def words(*labels: str | None) -> list[Word]:
    return [Word("w", 0, 1, {} if label is None else {"upos": label}) for label in labels]


def test_classes_are_those_of_training() -> None:
    task = Task.of("upos", words("B", "A", None))
    assert task.classes == ("A", "B")
    assert task.codes(words("A", None, "C", "B")).tolist() == [0, -1, -1, 1]
    assert task.unseen(words("A", "C", "C", None)) == {"C": 2}


def test_tasks_that_cannot_be_learnt() -> None:
    with pytest.raises(InputError, match="no training word has a label 'xpos'; there are: upos"):
        Task.of("xpos", words("A", "B"))
    with pytest.raises(InputError, match="has the same, 'A'"):
        Task.of("upos", words("A", "A"))


def test_control_labels_belong_to_types() -> None:
    forms = [[f"w{i % 50}" for i in range(1000)], [f"w{i}" for i in range(80)]]
    codes = [torch.randint(3, (1000,)), torch.zeros(80, dtype=torch.int64)]
    codes[1][5] = -1
    train, test = control(forms, codes, seed=0)
    by_type = dict(zip(forms[0], train.tolist(), strict=True))
    assert [by_type[form] for form in forms[0]] == train.tolist()
    assert [by_type[form] for form in forms[1][:5]] == test[:5].tolist()
    assert test[5] == -1
    again, other = control(forms, codes, 0)[0], control(forms, codes, 1)[0]
    assert torch.equal(again, train)
    assert not torch.equal(other, train)


def test_control_follows_the_frequencies_of_training() -> None:
    forms = [[f"w{i}" for i in range(20_000)]]
    codes = torch.zeros(20_000, dtype=torch.int64)
    codes[:2000] = 1
    (drawn,) = control(forms, [codes], 0)
    assert abs(float(drawn.double().mean()) - 0.1) < 0.01


def test_random_labels_keep_their_frequencies() -> None:
    codes = torch.tensor([0, 0, 1, -1, 2, 2, 2, -1])
    drawn = random_labels(codes, 0)
    assert torch.equal(drawn == -1, codes == -1)
    assert sorted(drawn.tolist()) == sorted(codes.tolist())


def test_seen_share() -> None:
    assert seen_share(["a", "b"], ["a", "c", "a", "b"]) == 0.75
