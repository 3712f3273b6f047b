"""`class_report` and `tracegrad classreport`: who made which mistake, and which item tells students apart."""

import csv
import json
import os
import random
import statistics

import derivations
import pytest

import nn
from autograd import practice
from nn import classroom, cli
from nn.classroom import Graded

TASK = ["graph: (w*x - y)**2", "values: w=2 x=-1 y=1", "root: e"]
RIGHT = "de/dw = 2 (w x - y) x"
LINES = {  # what a student writes, and the mistake in it
    "de/dw = -2 (w x - y) x": "sign",
    "de/dw = 2 (w x - y)": "inner derivative forgotten",
    "de/dw = 2 (w x - y) y": "wrong quantity",
}
TOPICS = ("chain rule", "paths", "softmax", "network", "matrix form")


def hand_in(folder, student, answers):
    path = folder / f"{student}.json"
    path.write_text(json.dumps({"student": student, "answers": answers}), encoding="utf-8")
    return path


def simulated(folder, rng, students=40):
    """A class: each student knows a share of the matter; the mistakes that were planted, as (student, item, name)."""
    planted = set()
    for number in range(students):
        student, known = f"Student {number + 1}", rng.random()
        answers = {}
        for topic in TOPICS:
            level = rng.choice([1, 2])
            exercise = practice(topic, level, seed=number % 4)
            wrong = [place for place, option in enumerate(exercise.options) if option.mistake]
            right = next(place for place in range(len(exercise.options)) if place not in wrong)
            chosen = right if rng.random() < known else rng.choice(wrong)
            if chosen != right:
                planted.add((student, topic, exercise.options[chosen].mistake))
            answers[topic] = {"topic": topic, "level": level, "seed": number % 4, "choice": "abcd"[chosen]}
        for lecture in derivations.HEADS:
            lines, mistakes = derived(lecture, rng, known)
            planted |= {(student, lecture, mistake) for mistake in mistakes}
            answers[lecture] = [*derivations.HEADS[lecture], "", *lines]
        hand_in(folder, student, answers)
    return planted


def derived(lecture, rng, known, length=6):
    """Some lines of a lecture's derivation, each with a mistake in it if the student does not know it; the mistakes."""
    source, mistakes = derivations.LINES[lecture], set()
    places = sorted(rng.sample(range(len(source)), length))
    lines = [source[place] for place in range(places[-1] + 1) if place in places or source[place].startswith("δ")]
    for n, line in enumerate(lines):
        wrong = [case for case in WRONG.get((lecture, line), ()) if case[0] not in derivations.EQUAL]
        if wrong and rng.random() > known:
            lines[n], mistake = rng.choice(wrong)
            mistakes.add(mistake)
    return lines, mistakes


def names(mistake):
    """What a mistake may be called."""
    return {mistake, *derivations.AS_WELL.get(mistake, ())}


WRONG = {}  # lecture and line -> what a student writes in its place, with the mistake
for lecture, place, wrong, mistake in derivations.eligible():
    WRONG.setdefault((lecture, derivations.LINES[lecture][place]), []).append((wrong, mistake))


@pytest.mark.parametrize("lecture", derivations.HEADS)
def test_a_lectures_derivation_handed_in_is_right(tmp_path, lecture):
    hand_in(tmp_path, "Ada", {lecture: [*derivations.HEADS[lecture], *derivations.LINES[lecture]]})
    graded = nn.class_report(tmp_path).students["Ada"][lecture]
    assert graded.right is True and graded.mistakes == () and graded.note == ""


@pytest.mark.slow
def test_planted_mistakes_are_found_and_nobody_is_accused_of_others(tmp_path):
    planted = simulated(tmp_path, random.Random(5))
    report = nn.class_report(tmp_path)
    assert len(report.students) == 40 and report.skipped == {} and len(planted) > 300
    found = {
        (student, item, mistake)
        for student, answers in report.students.items()
        for item, graded in answers.items()
        for mistake in graded.mistakes
    }
    missed = [(*where, name) for *where, name in planted if not any((*where, other) in found for other in names(name))]
    meant = {(*where, other) for *where, name in planted for other in names(name)}
    assert 1 - len(missed) / len(planted) >= 0.95, f"recall: {missed}"
    assert len(found & meant) / len(found) >= 0.95, f"precision: {found - meant}"
    wrong = {(student, item) for student, item, _ in planted}
    for student, answers in report.students.items():  # who is right everywhere has no mistake
        for item, graded in answers.items():
            assert graded.right == ((student, item) not in wrong), (student, item, graded)


def test_the_item_that_separates_best():
    right, wrong = Graded(True), Graded(False, ("sign",))
    slips = {"tells": (), "a": (0,), "b": (1, 8), "c": (7,)}  # the first six students are the strong ones
    students = {
        f"student {n}": {
            **{item: right if (n < 6) != (n in others) else wrong for item, others in slips.items()},
            "noise": right if n % 2 else wrong,
            "same": right,
        }
        for n in range(12)
    }
    report = nn.ClassReport(students, {"sign": "a sign is turned"}, {})
    assert report.best == "tells" and report.separation("same") is None
    for item in ("tells", "a", "b", "c", "noise"):
        own = [float(answers[item].right) for answers in students.values()]
        rest = [sum(graded.right for graded in answers.values()) - one for answers, one in zip(students.values(), own)]
        assert report.separation(item) == pytest.approx(statistics.correlation(own, rest), abs=1e-12)


def test_a_table_is_no_wider_than_paper():
    mistakes = {f"mistake {n}": "a sentence" for n in range(40)}
    wrong = {"Ada": {str(n): Graded(False, (f"mistake {n}",)) for n in range(40)}}
    heads = [part.heads[2:] for part in nn.ClassReport(wrong, mistakes, {})._mistakes()[1:]]
    assert [letter for some in heads for letter in some] == [classroom._letters(n) for n in range(40)]
    assert max(map(len, heads)) == classroom.COLUMNS


def test_page_table_and_text_say_the_same(tmp_path, capsys):
    hand_in(tmp_path, "Ada", {"1": [*TASK, RIGHT], "10": "\n".join([*TASK, RIGHT])})
    hand_in(tmp_path, "Ben", {"1": [*TASK, *LINES], "2": [*TASK, "what is this?"]})
    page, table = tmp_path / "report.html", tmp_path / "report.csv"
    assert cli.main(["classreport", str(tmp_path), "-o", str(page), "-o", str(table)]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "2 students, 3 items" in out and "sign" in out
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "Ben" in text and "src=" not in text
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["student"] for row in rows] == ["Ada", "Ben"]
    assert rows[0]["right"] == "2" and rows[0]["sign"] == "" and rows[1]["sign"] == "1" and rows[1]["missing"] == "1"
    assert nn.class_report(tmp_path).items == ["1", "2", "10"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", b"{", "not JSON"),
        ("a.json", b"\xff\xfe{", "not text in UTF-8"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b"[1, 2]", "not of the form"),
        ("a.json", b'{"student": "", "answers": {}}', "not of the form"),
        ("a.json", b'{"student": "X", "answers": []}', "not of the form"),
        ("a.json", b'{"student": "X", "answers": {"1": "a", "1": "b"}}', "stands in it twice"),
        ("a.json", b" " * 1_000_001, "larger than"),
        ("b.json", b'{"student": "Ada", "answers": {}}', "handed in Ada.json already"),
        ("notes.txt", b"text", "not a .json file"),
    ],
)
def test_what_is_no_hand_in_is_named_and_skipped(tmp_path, name, content, why):
    hand_in(tmp_path, "Ada", {"1": [*TASK, RIGHT]})
    (tmp_path / name).write_bytes(content)
    report = nn.class_report(tmp_path)
    assert why in report.skipped[name] and name in str(report)
    assert report.students["Ada"]["1"].right is True


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    assert "no regular file" in nn.class_report(tmp_path).skipped["a.json"]


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (7, "an answer is text"),
        ([1, 2], "an answer is text"),
        ({"topic": "paths"}, "an exercise is answered as"),
        ({"topic": "paths", "choice": "b", "level": "x"}, "whole numbers"),
        ({"topic": "cooking", "choice": "b"}, "cooking"),
        ({"topic": "paths", "choice": "q"}, "the options are a to"),
        ("no head", "the file begins with one line"),
        ("\n".join(TASK), "no equation"),
    ],
)
def test_an_answer_that_cannot_be_read_is_neither_right_nor_wrong(tmp_path, answer, note):
    hand_in(tmp_path, "Ada", {"1": answer, "2": [*TASK, RIGHT]})
    report = nn.class_report(tmp_path)
    graded = report.students["Ada"]["1"]
    assert graded.right is None and graded.mistakes == () and note in graded.note and note in str(report)
    assert report.students["Ada"]["2"].right is True


def test_hostile_names_are_text(tmp_path):
    hand_in(tmp_path, "x", {"1": [*TASK, "de/dw = -2 (w x - y) x"]})
    path = tmp_path / "x.json"
    path.write_text(path.read_text().replace('"x"', '"=cmd() <script>alert(1)</script>"'), encoding="utf-8")
    report = nn.class_report(tmp_path)
    assert "<script>" not in report.html() and "\n'=cmd()" in report.csv().replace("\r", "")


def test_paper_without_a_browser(tmp_path, capsys, monkeypatch):
    hand_in(tmp_path, "Ada", {"1": [*TASK, RIGHT]})
    monkeypatch.setenv("TRACEGRAD_BROWSER", str(tmp_path / "none"))
    assert cli.main(["classreport", str(tmp_path), "-o", str(tmp_path / "report.pdf")]) != 0
    assert "save as .html" in capsys.readouterr().err and not (tmp_path / "report.pdf").exists()


def test_an_empty_folder_and_none(tmp_path, capsys):
    assert "0 students" in str(nn.class_report(tmp_path))
    with pytest.raises(NotADirectoryError, match="name the one with the hand-ins"):
        nn.class_report(tmp_path / "none")
    assert cli.main(["classreport", str(tmp_path / "none")]) != 0
    assert "is no folder" in capsys.readouterr().err
