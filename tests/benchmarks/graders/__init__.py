"""Who says what of the same correct, wrong and cheating programs: the field's graders beside o1coder's judge."""
