"""
What a reviewer would remark about a message, as pure decisions: one file for each topic.

Input: a `Mail`. Output: findings, which are codes and what they are about.
Each function checks one thing; none of them does I/O, raises, or writes a sentence: `_content.meanings` has the words.
"""
