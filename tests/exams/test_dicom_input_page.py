from tests.exams.dicom_input_page import PAGE, page


def test_the_page_is_what_the_rules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.exams.dicom_input_page writes it anew"
