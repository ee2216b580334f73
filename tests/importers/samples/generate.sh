#!/bin/bash
# a zoom through a story
python generate.py -p "a surreal forest:1 | fog:-0.5:-0.9 ^ a city of glass | neon:0.3 ^ the sea" \
  -cpe 150 -zvid -i 600 -zse 10 -zsc 1.02 -zsx 3 -vl 6 -s 512 384 -sd 42 -lr 0.08 -cuts 24 -cutm latest \
  -opt AdamW -m ViT-B/16 -ckpt checkpoints/wikiart_16384.ckpt -conf checkpoints/wikiart_16384.yaml \
  -o forest.png -aug Af Pe Ji -d True
