"""A recorded run among others."""

from course_utils.figures.optimization import run_among_others


def test_a_recorded_run_says_that_it_was_made_beforehand():
    run, other, rates = [4.0, 2.0], [5.0, 4.5], [0.5, 1.0, 0.5, 0.0]
    picture = run_among_others("Peak 0.1", run, [run, other], rates)
    assert "ends at 2.00" in picture.alt and "One of 2 recorded runs" in picture.alt
    assert "recorded" in picture.text and "2.00" not in picture.text
    for change in (
        [other, [run, other], rates],
        [run, [run], rates],
        [run, [run], run],
    ):
        assert run_among_others("Peak 0.1", *change).to_html() != picture.to_html()
