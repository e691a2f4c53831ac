"""The rules of carrying out a task: who may, when, with what. Plain Python; time and identifiers are arguments."""
