import torch

from unitscope.models.buffers import Buffers

LIKE = torch.zeros(0)


def test_memory_is_its_own_while_any_view_of_it_lives():
    buffers = Buffers()
    first = buffers.empty((400, 500), LIKE).fill_(1.0)
    view = first[1:].t()
    del first
    second = buffers.empty((400, 500), LIKE).fill_(2.0)
    assert (view == 1).all()
    assert (second == 2).all()


def test_an_array_made_of_a_tensor_keeps_its_memory():
    buffers = Buffers()
    array = buffers.empty((400, 500), LIKE).fill_(1.0).numpy()
    buffers.empty((400, 500), LIKE).fill_(2.0)
    assert (array == 1).all()


def test_memory_is_used_again_afterwards():
    buffers = Buffers()
    tensor = buffers.empty((400, 500), LIKE)
    place = tensor.data_ptr()
    del tensor
    smaller = buffers.empty((300, 500), LIKE)
    assert smaller.data_ptr() == place
    assert buffers.empty((300, 500), LIKE).data_ptr() != place


def test_no_more_blocks_than_were_in_use_at_once():
    buffers = Buffers()
    for rows in (3, 50, 7, 200, 1, 199):
        pair = [buffers.empty((rows, 50_000), LIKE) for _ in range(2)]
        del pair
    assert len(buffers._blocks) == 2


def test_precision_shape_and_contents():
    buffers = Buffers()
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        tensor = buffers.empty((2, 3, 4), LIKE.to(dtype)).fill_(0.5)
        assert (tensor.dtype, tensor.shape) == (dtype, (2, 3, 4))
        assert (tensor == 0.5).all()
    assert buffers.empty((0, 3), LIKE).shape == (0, 3)
