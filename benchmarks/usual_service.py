"""The service most teams write first, as a competent person would: FastAPI, transformers, torch and `IndexFlatIP`.

    python benchmarks/usual_service.py CHECKPOINT RELEASE PORT

The checkpoint in float32, texts padded to the longest of a call, inference mode, one vector per product (its
picture's), products in memory, a plain `def` endpoint that FastAPI runs in its thread pool, uvicorn with uvloop and
httptools. Both torch and FAISS may use every core, as they do when nobody says otherwise. `benchmarks/serve.py` runs
it.
"""

import argparse
from pathlib import Path
from typing import Any

import faiss
import pyarrow as pa
import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import CLIPModel, CLIPTokenizerFast

from aisle.layout import INDEX, PRODUCTS


class Search(BaseModel):
    """The body of a search."""

    text: str
    k: int = 24


def create_app(checkpoint: Path, release: Path) -> FastAPI:
    """Load everything and make the application.

    Args:
        checkpoint: A Hugging Face CLIP.
        release: Folder whose products are served; of its vectors the half of the pictures.
    """
    model, tokenizer = CLIPModel.from_pretrained(checkpoint).eval(), CLIPTokenizerFast.from_pretrained(checkpoint)
    stored = faiss.read_index(str(release / INDEX))
    vectors = stored.reconstruct_n(0, stored.ntotal)[:, : stored.d // 2].copy()
    faiss.normalize_L2(vectors)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    products = pa.ipc.open_file(pa.memory_map(str(release / PRODUCTS))).read_all().to_pylist()
    app = FastAPI()

    @app.post("/search")
    def search(body: Search) -> dict[str, Any]:
        tokens = tokenizer([body.text], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            features = model.get_text_features(**tokens)
            query = torch.nn.functional.normalize(features, dim=-1).numpy()
        scores, rows = index.search(query, body.k)
        hits = [{"score": float(score), **products[row]} for score, row in zip(scores[0], rows[0], strict=True)]
        return {"hits": hits}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("release", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    app = create_app(given.checkpoint, given.release)
    uvicorn.run(app, host="127.0.0.1", port=given.port, loop="uvloop", http="httptools", log_level="error")


if __name__ == "__main__":
    main()
