"""What is in the files of certificates, keys, authorities and revocations, and what is wrong with it.

Only this package and `control.certificates` know the library for it. Both are imported where TLS is used, and never by
the serving process: the engine reads these files by itself.
"""
