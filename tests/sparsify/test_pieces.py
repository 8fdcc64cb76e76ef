"""Rows cut into pieces: what each piece sees, and that a row's pieces are what they would be alone."""

from __future__ import annotations

import torch

from interp.models.directory import read_config, read_model
from interp.models.gated_attention import Gate, attach
from interp.sparsify.pieces import Rows, cut, repeat
from interp.sparsify.teacher import Teacher
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama


def rows(count=40, context=24):
    return torch.randint(2, 90, (count, context), generator=torch.Generator().manual_seed(0))


def test_pieces_are_between_the_shortest_and_the_whole_row():
    made = cut(rows(400), shortest=5, first_token=None, seed=0)
    assert torch.equal(made.tokens, rows(400))
    lengths = [
        len(piece) for row in made.starts for piece in torch.split(row, row.unique(return_counts=True)[1].tolist())
    ]
    assert min(lengths) >= 5
    assert max(lengths) == 24
    whole = sum(bool((row == 0).all()) for row in made.starts)
    assert 80 < whole < 320
    short = sum(length < 8 for length in lengths) * 6
    assert short > 0.05 * made.tokens.numel()


def test_a_share_of_the_pieces_says_its_first_half_twice():
    plain = cut(rows(200), shortest=7, first_token=None, seed=0)
    made = repeat(plain, 0.3, seed=0)
    assert torch.equal(made.starts, plain.starts)
    assert repeat(plain, 0.0, seed=0) is plain
    said_twice = pieces = 0
    for row, before, starts in zip(made.tokens, plain.tokens, made.starts, strict=True):
        for start in starts.unique():
            piece, old = row[starts == start], before[starts == start]
            half = (len(piece) - 1) // 2
            pieces += 1
            if torch.equal(piece, old):
                continue
            said_twice += 1
            assert torch.equal(piece[1 : 1 + half], piece[1 + half : 1 + 2 * half])
            assert torch.equal(piece[: 1 + half], old[: 1 + half])  # only the second half is another one
    assert 0.25 < said_twice / pieces < 0.35
    assert torch.equal(repeat(plain, 0.3, seed=0).tokens, made.tokens)
    assert not torch.equal(repeat(plain, 0.3, seed=1).tokens, made.tokens)


def test_half_of_the_pieces_begin_with_the_first_token():
    made = cut(rows(200), shortest=5, first_token=99, seed=0)
    begins = [(row, int(start)) for row, starts in enumerate(made.starts) for start in starts.unique()]
    marked = sum(int(made.tokens[row, start]) == 99 for row, start in begins)
    assert 0.4 < marked / len(begins) < 0.6
    assert int((made.tokens == 99).sum()) == marked
    again = cut(rows(200), shortest=5, first_token=99, seed=0)
    assert torch.equal(again.tokens, made.tokens)


def test_a_piece_is_read_as_if_it_stood_alone(tmp_path):
    """Both families, teacher and gated student, on a row of three pieces."""
    for write in (write_tiny_gpt2, write_tiny_llama):
        folder = write(tmp_path / write.__name__)
        dense, gated = (read_model(folder, read_config(folder), torch.float32) for _ in range(2))
        gate = Gate(1.0, "weight")
        attach(gated, gate)
        tokens = rows(2)
        starts = torch.tensor([[0] * 7 + [7] * 5 + [12] * 12, [0] * 24])
        made = Rows(tokens, starts)
        inputs = made.inputs([0, 1])
        with torch.no_grad(), gate.running("infer"):
            together = gated(**inputs).logits[0]
            alone = torch.cat([gated(piece[None]).logits[0] for piece in torch.split(tokens[0], [7, 5, 12])])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
        teacher = Teacher(dense)
        expected = torch.cat([teacher(piece[None])[0] for piece in torch.split(tokens[0], [7, 5, 12])])
        for _ in range(2):  # the second time from the kept hidden states
            torch.testing.assert_close(
                teacher.logits(teacher.of_rows([0, 1], inputs))[0], expected, atol=1e-5, rtol=1e-4
            )
        torch.testing.assert_close(
            teacher.logits(teacher.of_rows([1], made.inputs([1])))[0], teacher(tokens[1:])[0], atol=1e-5, rtol=1e-4
        )
