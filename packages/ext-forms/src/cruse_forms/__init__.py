"""Forms for Cruse: WTForms bound to the request, with CSRF protection by default."""
