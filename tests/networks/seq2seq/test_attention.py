import pytest
import torch

from unitscope.networks.seq2seq.attention import METHODS, one_hot

BATCH, PLACES, UNITS = 3, 4, 5


@pytest.mark.parametrize("name", METHODS)
@torch.no_grad()
def test_scores_are_those_of_the_formula(name):
    torch.manual_seed(0)
    method = METHODS[name](UNITS)
    memory, query = torch.randn(BATCH, PLACES, UNITS), torch.randn(BATCH, UNITS)
    scores = method(method.keys(memory), query)
    assert scores.shape == (BATCH, PLACES)
    for row in range(BATCH):
        for place in range(PLACES):
            s, q = memory[row, place], query[row]
            match name:
                case "dot":
                    expected = q @ s
                case "general":
                    expected = q @ (method.map.weight @ s)
                case "concat":
                    weight = torch.cat([method.of_memory.weight, method.of_query.weight], dim=1)[0]
                    expected = weight @ torch.cat([s, q]) + method.of_memory.bias[0]
                case "mlp":
                    weight = torch.cat([method.of_memory.weight, method.of_query.weight], dim=1)
                    inside = torch.relu(weight @ torch.cat([s, q]) + method.of_memory.bias)
                    expected = method.score.weight[0] @ inside + method.score.bias[0]
            torch.testing.assert_close(scores[row, place], expected)


def test_hard_attention_goes_where_it_is_told_or_to_the_last_place():
    inside = torch.tensor([[True, True, True], [True, True, False]])
    weights = one_hot(torch.tensor([0, -1]), inside, torch.zeros(1))
    assert weights.tolist() == [[1, 0, 0], [0, 1, 0]]
