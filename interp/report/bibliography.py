"""What a methods section cites, as BibTeX. Names of entries are what probes give in `cites`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from interp.configs.registry import nearest
from interp.errors import UserError


def _entry(kind: str, key: str, authors: str, title: str, year: int, **more: str) -> str:
    fields = {"author": authors, "title": f"{{{title}}}", "year": str(year), **more}
    told = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
    return f"@{kind}{{{key},\n{told}\n}}"


def _arxiv(key: str, authors: str, title: str, year: int, number: str) -> str:
    return _entry("misc", key, authors, title, year, eprint=number, archivePrefix="arXiv")


BIBLIOGRAPHY: dict[str, str] = {
    "transformerlens": _entry(
        "misc",
        "transformerlens",
        "Nanda, Neel and Bloom, Joseph",
        "TransformerLens",
        2022,
        howpublished="GitHub, TransformerLensOrg/TransformerLens",
    ),
    "draye2025sparse": _arxiv(
        "draye2025sparse",
        r"Draye, Florent and Lei, Anson and Pan, Hsiao-Ru and Posner, Ingmar and Sch{\"o}lkopf, Bernhard",
        "Sparse Attention Post-Training for Mechanistic Interpretability",
        2025,
        "2512.05865",
    ),
    "rezende2018taming": _arxiv(
        "rezende2018taming", "Rezende, Danilo Jimenez and Viola, Fabio", "Taming {VAEs}", 2018, "1810.00597"
    ),
    "heimersheim2024patching": _arxiv(
        "heimersheim2024patching",
        "Heimersheim, Stefan and Nanda, Neel",
        "How to use and interpret activation patching",
        2024,
        "2404.15255",
    ),
    "syed2023attribution": _arxiv(
        "syed2023attribution",
        "Syed, Aaquib and Rager, Can and Conmy, Arthur",
        "Attribution Patching Outperforms Automated Circuit Discovery",
        2023,
        "2310.10348",
    ),
    "hanna2024faith": _arxiv(
        "hanna2024faith",
        "Hanna, Michael and Pezzelle, Sandro and Belinkov, Yonatan",
        "Have Faith in Faithfulness: Going Beyond Circuit Overlap When Finding Model Mechanisms",
        2024,
        "2403.17806",
    ),
    "wang2022interpretability": _arxiv(
        "wang2022interpretability",
        "Wang, Kevin and Variengien, Alexandre and Conmy, Arthur and Shlegeris, Buck and Steinhardt, Jacob",
        "Interpretability in the Wild: a Circuit for Indirect Object Identification in {GPT-2} small",
        2022,
        "2211.00593",
    ),
    "conmy2023towards": _arxiv(
        "conmy2023towards",
        "Conmy, Arthur and Mavor-Parker, Augustine N. and Lynch, Aengus and Heimersheim, Stefan and Garriga-Alonso, Adri{\\`a}",
        "Towards Automated Circuit Discovery for Mechanistic Interpretability",
        2023,
        "2304.14997",
    ),
    "nostalgebraist2020lens": _entry(
        "misc",
        "nostalgebraist2020lens",
        "nostalgebraist",
        "interpreting GPT: the logit lens",
        2020,
        howpublished="LessWrong",
    ),
    "elhage2021framework": _entry(
        "article",
        "elhage2021framework",
        "Elhage, Nelson and others",
        "A Mathematical Framework for Transformer Circuits",
        2021,
        journal="Transformer Circuits Thread",
    ),
    "efron1987better": _entry(
        "article",
        "efron1987better",
        "Efron, Bradley",
        "Better Bootstrap Confidence Intervals",
        1987,
        journal="Journal of the American Statistical Association",
        volume="82",
        number="397",
        pages="171--185",
    ),
    "davison1997bootstrap": _entry(
        "book",
        "davison1997bootstrap",
        "Davison, A. C. and Hinkley, D. V.",
        "Bootstrap Methods and their Application",
        1997,
        publisher="Cambridge University Press",
    ),
    "benjamini1995controlling": _entry(
        "article",
        "benjamini1995controlling",
        "Benjamini, Yoav and Hochberg, Yosef",
        "Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple Testing",
        1995,
        journal="Journal of the Royal Statistical Society: Series B",
        volume="57",
        number="1",
        pages="289--300",
    ),
}

MODELS: dict[str, str] = {
    "smollm2": _arxiv(
        "allal2025smollm2",
        "Allal, Loubna Ben and others",
        "{SmolLM2}: When Smol Goes Big -- Data-Centric Training of a Small Language Model",
        2025,
        "2502.02737",
    ),
    "gpt2|distilgpt2|gpt-2": _entry(
        "techreport",
        "radford2019language",
        "Radford, Alec and Wu, Jeffrey and Child, Rewon and Luan, David and Amodei, Dario and Sutskever, Ilya",
        "Language Models are Unsupervised Multitask Learners",
        2019,
        institution="OpenAI",
    ),
    "pythia": _arxiv(
        "biderman2023pythia",
        "Biderman, Stella and others",
        "Pythia: A Suite for Analyzing Large Language Models Across Training and Scaling",
        2023,
        "2304.01373",
    ),
    "gemma-?3": _arxiv("gemmateam2025gemma3", "{Gemma Team}", "{Gemma 3} Technical Report", 2025, "2503.19786"),
    "gemma-?2": _arxiv(
        "gemmateam2024gemma2",
        "{Gemma Team}",
        "{Gemma 2}: Improving Open Language Models at a Practical Size",
        2024,
        "2408.00118",
    ),
    "llama-?3": _arxiv(
        "grattafiori2024llama3", "Grattafiori, Aaron and others", "The {Llama 3} Herd of Models", 2024, "2407.21783"
    ),
    "qwen-?3": _arxiv("yang2025qwen3", "Yang, An and others", "{Qwen3} Technical Report", 2025, "2505.09388"),
    "qwen-?2\\.5": _arxiv("qwen2024qwen25", "{Qwen Team}", "{Qwen2.5} Technical Report", 2024, "2412.15115"),
    "mistral": _arxiv("jiang2023mistral", "Jiang, Albert Q. and others", "{Mistral 7B}", 2023, "2310.06825"),
    "olmo-?2": _arxiv("olmo2024olmo2", "{Team OLMo}", "2 {OLMo 2} Furious", 2024, "2501.00656"),
}
"""What is in a model's name, and the paper of its family."""


def model_entry(name: str, origin: str = "") -> str:
    """The paper of a model's family, by the model's name; where none is known, an entry that names the model and its origin."""
    for sign, entry in MODELS.items():
        if re.search(rf"(^|[^a-z0-9])({sign})", name.lower()):
            return entry
    key = re.sub(r"[^a-z0-9]+", "", name.lower()) or "model"
    note = f",\n  note = {{{latex(origin)}}}" if origin else ""
    return f"@misc{{model{key},\n  title = {{{{{latex(name)}}}}}{note}\n}}"


def software_entry(version: str, commit: str | None) -> str:
    """This project, as CITATION.cff has it."""
    at = f"{version}, commit {commit.removesuffix('+changes')}" if commit else version
    title = "interp: which attention heads and edges carry information from one token to another"
    return f"@software{{interp,\n  author = {{{{The interp authors}}}},\n  title = {{{{{title}}}}},\n  version = {{{at}}}\n}}"


def entries(cited: Iterable[str]) -> list[str]:
    """BibTeX of what is cited, each once: keys of BIBLIOGRAPHY, or whole entries (`@...`), which stay as they are.

    UserError names what is neither.
    """
    return list(dict.fromkeys(reference if reference.startswith("@") else _known(reference) for reference in cited))


def _known(name: str) -> str:
    if name not in BIBLIOGRAPHY:
        raise UserError(
            f"cites names {name!r}, which is no entry of interp.report.bibliography and no BibTeX entry of its own "
            f"('@article{{...}}'); {nearest(name, BIBLIOGRAPHY)}"
        )
    return BIBLIOGRAPHY[name]


def latex(text: str) -> str:
    """Text of a user in a BibTeX field: what TeX would read as a command is escaped."""
    braces = {"{": r"\{", "}": r"\}", "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(braces.get(char, f"\\{char}" if char in "&%$#_" else char) for char in " ".join(text.split()))
