"""Handler processes: started, watched, healed, replaced by those of new code, and ended.

```text
launching   one process is started, with its descriptors
crew        the processes of one generation of code
keeper      which crew serves, which one is coming, which ones are leaving
process     the program that each of them runs
```
"""
