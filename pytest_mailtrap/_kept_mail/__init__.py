"""
Mail that stays in the process and never reaches an SMTP server.

It watches the memory backends of mail libraries and mocks of `smtplib`; out come counts, and the name of what kept the mail.
It never sends or changes mail, and it leaves every mock as it is.

Words: a *keeper* is what keeps mail in the process; a *stand-in* is a mock that takes the place of `smtplib`.
"""
