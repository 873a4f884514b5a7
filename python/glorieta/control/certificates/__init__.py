"""Certificates for local development: an authority of this user's own, what it signs, and how machines believe it.

Never imported by the serving process. It is no authority for anybody else: browsers of other people know nothing of it.
"""
