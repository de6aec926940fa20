"""Stock recurrent layers written out step by step, with whatever becomes of their streams on the way."""

import torch


def by_hand(rnn, x, held=None, state=None):
    """Streams of a stock layer over ``x [batch time in]``, step by step from PyTorch's documentation.

    ``held`` has by stream the constants of units, or a function of a step's values and its number (None before the
    first).
    """
    held, streams = held or {}, {}
    for layer in range(rnn.num_layers):
        outputs = []
        for direction in range(1 + rnn.bidirectional):
            place = f"{layer}" + "_reverse" * direction
            number = len(outputs) + layer * (1 + rnn.bidirectional)
            given = None if state is None else [part[number] for part in state]
            found = direction_by_hand(rnn, place, x.flip(1) if direction else x, held, given)
            streams |= {f"{place}.{name}": rows.flip(1) if direction else rows for name, rows in found.items()}
            outputs.append(streams[f"{place}.hidden"])
        x = torch.cat(outputs, dim=2)
    return streams


def direction_by_hand(rnn, place, x, held, given):
    w, u = getattr(rnn, f"weight_ih_l{place}"), getattr(rnn, f"weight_hh_l{place}")
    b, b_state = getattr(rnn, f"bias_ih_l{place}"), getattr(rnn, f"bias_hh_l{place}")

    def hold(name, value, t):
        changes = held.get(f"{place}.{name}", {})
        if not isinstance(changes, dict):
            return changes(value, t)
        value = value.clone()
        for unit, constant in changes.items():
            value[:, unit] = constant
        return value

    h = x.new_zeros(len(x), u.shape[1]) if given is None else given[0]
    c = x.new_zeros(len(x), rnn.hidden_size) if given is None else given[-1]
    h, c = hold("hidden", h, None), hold("cell", c, None)  # before the first step
    steps = []
    times = range(x.shape[1])
    for place_in_x, t in enumerate(reversed(times) if place.endswith("_reverse") else times):
        from_input, from_state = x[:, place_in_x] @ w.T + b, h @ u.T + b_state
        if rnn.mode == "LSTM":
            i, f, g, o = (from_input + from_state).chunk(4, 1)
            v = {"input_gate": hold("input_gate", i.sigmoid(), t), "forget_gate": hold("forget_gate", f.sigmoid(), t)}
            v |= {"cell_gate": hold("cell_gate", g.tanh(), t), "output_gate": hold("output_gate", o.sigmoid(), t)}
            c = hold("cell", v["forget_gate"] * c + v["input_gate"] * v["cell_gate"], t)
            h = v["output_gate"] * c.tanh()
            if rnn.proj_size:
                h = h @ getattr(rnn, f"weight_hr_l{place}").T
            v["cell"] = c
        elif rnn.mode == "GRU":
            (r, z, n), (r2, z2, n2) = from_input.chunk(3, 1), from_state.chunk(3, 1)
            v = {"reset_gate": hold("reset_gate", (r + r2).sigmoid(), t)}
            v |= {"update_gate": hold("update_gate", (z + z2).sigmoid(), t)}
            v |= {"new_gate": hold("new_gate", (n + v["reset_gate"] * n2).tanh(), t)}
            h = (1 - v["update_gate"]) * v["new_gate"] + v["update_gate"] * h
        else:
            v, h = {}, (from_input + from_state).tanh() if rnn.mode == "RNN_TANH" else (from_input + from_state).relu()
        h = hold("hidden", h, t)
        steps.append(v | {"hidden": h})
    return {name: torch.stack([step[name] for step in steps], dim=1) for name in steps[0]}
