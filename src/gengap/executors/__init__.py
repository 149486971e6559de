"""Where a study is carried out: here, or in a process of its own beside another Keras backend.

A study that is carried out elsewhere is a folder with a request in it (`request`: settings, rows,
network), which becomes a folder with an answer (`answer`: plan, results, trials, model), and in
between the events that the one who asked is told (`events`). None of that depends on how the two
sides are connected; `process` does it by a child process, whose side is `child`.
"""
