"""Kinds of tasks on the user's own data: one module a kind, for audits and for fine-tuning alike.

A kind is a `TaskKind`, registered as the entry point `task.NAME`; a package of its own can bring another. Beside them:

    kind      what a kind of task says
    row       one row of the data by the task's own names, and how its cells are read
    card      the benchmark that an audit makes of a task
"""
