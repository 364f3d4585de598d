from werkzeug.routing import BaseConverter, ValidationError


class ISBNConverter(BaseConverter):
    """Thirteen digits, shown in URLs with a hyphen behind the prefix."""

    regex = r"97[89]-?\d{10}"

    def to_python(self, value):
        digits = value.replace("-", "")
        weights = [1, 3] * 6 + [1]
        if sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 10:
            raise ValidationError
        return digits

    def to_url(self, value):
        return f"{value[:3]}-{value[3:]}"


class ListConverter(BaseConverter):
    """Words with a plus between them."""

    def to_python(self, value):
        return value.split("+")

    def to_url(self, values):
        return "+".join(BaseConverter.to_url(self, value) for value in values)
