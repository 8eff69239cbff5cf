from __future__ import annotations

from triptych.watcher.settling import Settling

A, B = ("landing", "a.mp4"), ("landing", "b.mp4")


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_file_is_whole_when_it_has_not_changed_for_a_while() -> None:
    clock = Clock()
    settling = Settling(2, 10, clock)
    assert settling.look({A: "1"}) == set()
    clock.now_s += 1.9
    assert settling.look({A: "2"}) == set()  # it grew
    clock.now_s += 1.9
    assert settling.look({A: "2", B: "1"}) == set()
    clock.now_s += 0.1
    assert settling.look({A: "2", B: "1"}) == {A}
    settling.look({B: "1"})  # it has gone
    assert settling.look({A: "2", B: "1"}) == set()


def test_files_wait_for_others_but_not_for_ever() -> None:
    clock = Clock()
    settling = Settling(2, 10, clock)
    settling.look({A: "1"})
    clock.now_s += 2
    settling.look({A: "1", B: "1"})
    assert not settling.is_gathered([A, B])
    assert settling.is_gathered([A])
    for number in range(10):  # b.mp4 never comes to its end
        clock.now_s += 1
        settling.look({A: "1", B: f"{number}"})
    assert settling.is_gathered([A, B])
