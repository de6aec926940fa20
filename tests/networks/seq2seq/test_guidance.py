import math

import torch

from unitscope.networks.seq2seq.guidance import guidance_loss, task_loss


def test_losses_are_sums_over_steps_of_means_over_the_batch():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 5)
    targets = torch.tensor([[0, 1, 2, 3], [4, 0, -1, -1], [1, 2, 3, -1]])
    attention = torch.rand(3, 4, 6).softmax(2)
    attend = torch.tensor([[0, 1, 2, 5], [0, 1, -1, -1], [0, 3, 4, -1]])
    task = guidance = 0.0
    for step in range(4):
        rows = [row for row in range(3) if targets[row, step] >= 0]
        nats = [-float(logits[row, step].log_softmax(0)[targets[row, step]]) for row in rows]
        looks = [-math.log(float(attention[row, step, attend[row, step]])) for row in rows]
        task += sum(nats) / len(rows)
        guidance += sum(looks) / len(rows)
    torch.testing.assert_close(float(task_loss(logits, targets)), task, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(float(guidance_loss(attention, attend)), guidance, rtol=1e-5, atol=1e-5)


def test_no_weight_at_all_costs_a_finite_loss():
    attention = torch.tensor([[[1.0, 0.0]]])
    assert math.isclose(float(guidance_loss(attention, torch.tensor([[1]]))), -math.log(1e-20), rel_tol=1e-5)
