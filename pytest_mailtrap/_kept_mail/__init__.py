"""
Mail that stays in the process and never reaches an SMTP server.

Input: the memory backends of mail libraries and mocks of `smtplib`, which it watches; output: counts, and what kept the
mail.
It never sends or changes mail, and it leaves every mock as it is.

Words: a *keeper* is anything that keeps mail in the process; a *stand-in* is a mock that takes the place of `smtplib`.
"""
