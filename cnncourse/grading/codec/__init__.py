"""The strict codec between the student's process and the trusted one: plain data and nothing that acts.

What arrives is built from exact built-in types, arrays and tensors only; no pickle, no eval, no import, no class
of the sender's choice. Malformed bytes raise `DecodeError` and nothing else.
"""

from cnncourse.grading.codec.decoder import Decoder, decode
from cnncourse.grading.codec.encoder import Encoder, encode
from cnncourse.grading.codec.forms import CodecError, DecodeError, EncodeError, Reference

__all__ = ["CodecError", "DecodeError", "Decoder", "EncodeError", "Encoder", "Reference", "decode", "encode"]
