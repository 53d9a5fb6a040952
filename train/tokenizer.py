"""A small byte-level BPE tokenizer of a catalog's own words; it reads lower case only, as CLIP's does."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

START, PADDING, END = "<|startoftext|>", "<|padding|>", "<|endoftext|>"


def train_tokenizer(texts: Iterable[str], *, vocabulary: int, max_length: int) -> PreTrainedTokenizerFast:
    """Learn merges from texts.

    Args:
        texts: What the model will read, more or less.
        vocabulary: Number of tokens, the three special ones included. Fewer come out when the texts are few.
        max_length: Longest sequence, special tokens included.

    Returns:
        A tokenizer that wraps each text in start and end. The end token has the highest id, because
        `CLIPTextModel` pools there, by its id or by the maximum.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Replace("-", " ")]  # a t-shirt is a shirt, too
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 3,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # every byte: no text is unknown
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([START, PADDING, END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (START, END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PADDING,
        model_max_length=max_length,
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )
