"""Scripts of shells, read as data: which programs they call, and with what. Nothing is ever run.

words       a text -> words, in which quotes and expansions are marked
blocks      words -> commands, loops, branches, functions
arithmetic  `$((A * 2))`
expansion   words -> texts, with the values of variables; what is not known is a gap
script      all of it together, of sh and bash
batch       the same of Windows batch files
"""
