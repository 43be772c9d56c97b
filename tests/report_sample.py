"""A comparison of any size made of the real types, for images of the report that no run would give."""

from __future__ import annotations

import random

from suite.compare import comparison as c
from suite.compare.across_datasets.summary import across_datasets, why_missing
from suite.store.records.result import DataRecord, Environment, EpochRecord, WeightsRecord

ACCURACY = c.MetricInfo(name="accuracy", label="accuracy", higher_is_better=True, summary="Share of right answers.")
F1 = c.MetricInfo(name="f1_macro", label="macro F1", higher_is_better=True, summary="Mean F1 over classes.")
LOSS = c.MetricInfo(name="log_loss", label="log loss", higher_is_better=False, summary="Surprise.")


def spread(*values: float) -> c.MetricSpread:
    """The spread of some values."""
    mean = sum(values) / len(values)
    return c.MetricSpread(mean=mean, lowest=min(values), highest=max(values), count=len(values), of=len(values))


def make_cell(model: str, dataset: str, strategy: str, rank: int, *, sets=(), classes=("cat", "dog"), seeds=(1, 2, 3)):
    """One cell with everything measured; its numbers follow from its names."""
    dice = random.Random(f"{model}/{dataset}/{strategy}")
    size = sum(map(ord, model)) % 7 + 1
    base = 0.97 - 0.012 * rank + dice.uniform(-0.003, 0.003)
    values = [round(base + dice.uniform(-0.008, 0.008), 4) for _ in seeds]
    mean = sum(values) / len(values)
    epochs = 0 if strategy.startswith("linear") else 8
    fit = 0.5 + size * 0.2 if not epochs else size * 9.0 + 10 * dice.random()
    count = len(classes)
    mistakes = [0, 0, 0, 1, 2, 4]
    counts = tuple(
        tuple(33 * len(seeds) if row == column else dice.choice(mistakes) for column in range(count))
        for row in range(count)
    )
    tried = tuple(
        c.Tried(
            hyperparameters={"learning_rate": 10.0**-power},
            validation_score=max(0.05, base - 0.02 * abs(power - 3) - 0.01 * dice.random()),
            seed=0,
            epochs=epochs,
            seconds=fit,
        )
        for power in (2, 3, 4, 5)
    )
    return c.CellSummary(
        cell_id=f"{dice.getrandbits(48):012x}",
        model=model,
        dataset=dataset,
        strategy=strategy,
        strategy_name=strategy.partition(":")[0],
        family="resnet",
        input_size=(32, 32),
        rank=rank,
        headline=c.HeadlineScore(
            value=mean,
            low=mean - 0.033,
            high=min(1.0, mean + 0.029),
            seeds=tuple(c.SeedScore(seed=s, value=v) for s, v in zip(seeds, values, strict=True)),
            lowest_seed=min(values),
            highest_seed=max(values),
            seed_deviation=0.006,
        ),
        finished=len(seeds),
        planned=len(seeds),
        metrics={
            "accuracy": spread(*values),
            "f1_macro": spread(*(v - 0.005 for v in values)),
            "log_loss": spread(0.2),
        },
        elsewhere=tuple(
            c.ElsewhereScore(
                name=name,
                examples=360,
                headline=spread(*(v - 0.15 - 0.02 * index for v in values)),
                low=mean - 0.19 - 0.02 * index,
                high=mean - 0.12 - 0.02 * index,
                drop=0.15 + 0.02 * index,
                drop_low=0.11 + 0.02 * index,
                drop_high=0.19 + 0.02 * index,
                metrics={},
            )
            for index, name in enumerate(sets)
        ),
        profile=c.ProfileSummary(
            parameters=110_000 * size + len(strategy),
            trainable_parameters=1290 if not epochs else 110_000 * size,
            macs=4_100_000 * size,
            size_bytes=450_000 * size,
            latency_ms_p50=spread(0.9 + 0.5 * size + 0.1 * dice.random()),
            latency_ms_p95=spread(1.2 + 0.6 * size),
            throughput_per_second=spread(9000 / size),
            throughput_batch_size=32,
            peak_memory_bytes=spread(9.0e8 + 1e7 * size),
            device="CPU (2 threads)",
        ),
        timings=c.TimingsSummary(
            fit_seconds=spread(fit),
            compile_seconds=spread(2.5 if epochs else 0.01),
            seconds_to_best=spread(fit * 0.7),
            examples_per_second=spread(900.0)
            if epochs
            else c.Spread(mean=None, lowest=None, highest=None, count=0, of=3),
            features_seconds=spread(0.3),
            training_seconds=spread(fit),
            total_seconds=spread(fit + 4),
        ),
        curves=tuple(
            c.LearningCurve(
                seed=seed,
                best_epoch=epochs,
                epochs=tuple(
                    EpochRecord(
                        epoch=e,
                        seconds=1.0,
                        learning_rate=0.001,
                        train_loss=1 / e,
                        train_accuracy=0.9,
                        validation_loss=1 / e,
                        validation_score=base - 0.3 / e + 0.02 * dice.random(),
                        trainable_parameters=1000,
                    )
                    for e in range(1, epochs + 1)
                ),
            )
            for seed in seeds
        ),
        panels=(
            c.ConfusionSummary(class_names=tuple(classes), counts=counts, seeds=len(seeds)),
            c.ClassTable(
                classes=tuple(
                    c.ClassScores(
                        name=name,
                        precision=0.9 + 0.1 * dice.random(),
                        recall=0.9,
                        f1=0.85 + 0.14 * dice.random(),
                        support=36,
                    )
                    for name in classes
                )
            ),
            c.Reliability(
                bins=tuple(
                    c.Bin(
                        low=i / 15,
                        high=(i + 1) / 15,
                        confidence=(i + 0.5) / 15,
                        accuracy=max(0.0, (i - 0.6) / 14.2),
                        count=5 + i * i,
                    )
                    for i in range(4, 15)
                ),
                calibration_error=0.03,
            ),
        ),
        ledger=c.Ledger(
            candidates=4,
            fits=7,
            epochs=7 * epochs,
            seconds=fit * 7,
            best=base,
            median=base - 0.02,
            worst=base - 0.05,
            expected_best=(base - 0.03, base - 0.015, base - 0.005, base),
            chosen=tuple({"learning_rate": 0.001} for _ in seeds),
            space={"learning_rate": (1e-5, 1e-4, 1e-3, 1e-2)},
            tried=tried,
        ),
        weights=WeightsRecord(
            name="cifar10", location=f"zoo/{model}", sha256="ab" * 32, licence="Apache-2.0", pretrained_on="CIFAR-10"
        ),
        batch_size=32,
        notes=(),
    )


def front_of(cells, axis: str, dataset: str) -> c.ParetoFront:
    """The front of one cost."""
    cost = {
        "latency": lambda x: x.profile.latency_ms_p50.mean,
        "parameters": lambda x: x.profile.parameters,
        "training_time": lambda x: x.timings.training_seconds.mean,
    }[axis]
    front = []
    for cell in sorted(cells, key=cost):
        if not front or cell.headline.value > front[-1].headline.value:
            front.append(cell)
    return c.ParetoFront(dataset=dataset, axis=axis, unit="ms", cell_ids=tuple(x.cell_id for x in front), left_out=())


def with_verdicts(cells) -> list[c.CellSummary]:
    """The cells, held against the best score: worse from four points on."""
    ordered = sorted(cells, key=lambda cell: -cell.headline.value)
    best = next(iter(ordered), None)
    found = []
    for cell in ordered:
        gap = best.headline.value - cell.headline.value
        verdict = "worse" if gap > 0.04 else "may_be_best"
        reach = 0.0 if cell is best else 0.04
        said = c.BestComparison(verdict=verdict, behind=gap, low=gap - reach, high=gap + reach, against=best.cell_id)
        found.append(cell.model_copy(update={"best": said}))
    return sorted(found, key=lambda cell: cell.rank)


def pairs_of(cells, dataset: str) -> list[c.Difference]:
    """Every pair of cells, told apart where four points lie between them."""
    ranked = sorted(cells, key=lambda cell: -cell.headline.value)
    found = []
    for place, better in enumerate(ranked):
        for worse in ranked[place + 1 :]:
            gap = better.headline.value - worse.headline.value
            found.append(
                c.Difference(
                    dataset=dataset,
                    better=better.cell_id,
                    worse=worse.cell_id,
                    difference=gap,
                    low=gap - 0.025,
                    high=gap + 0.024,
                    p_value=0.0004 if gap > 0.04 else 0.21,
                    p_adjusted=0.0008 if gap > 0.04 else 0.63,
                    different=gap > 0.04,
                    probability_better=min(0.9995, 0.5 + 12 * gap),
                    smallest_detectable=0.035,
                )
            )
    return found


def with_labels(comparison: c.Comparison) -> c.Comparison:
    """The comparison as if every model had been fitted with fewer labels too."""
    labels = []
    for dataset in comparison.datasets:
        points = [
            _point(comparison, dataset, budget, train, 0.03 * lost)
            for budget, train, lost in ((5, 50, 4), ("25%", 250, 1))
        ]
        points.append(c.LabelPoint(budget="all", per_class=100.0, train=1000, validation=300, front=True))
        sentence = f"Take {comparison.cells[0].model} on {dataset}." if comparison.cells else ""
        labels.append(c.Labels(dataset=dataset, points=tuple(points), answers=(sentence,)))
    answers = [one.model_copy(update={"labels": labels[0].answers}) for one in comparison.recommendations]
    return comparison.model_copy(update={"labels": tuple(labels), "recommendations": tuple(answers)})


def _point(comparison: c.Comparison, dataset: str, budget: int | str, train: int, lost: float) -> c.LabelPoint:
    cells = []
    for cell in comparison.ranking(dataset):
        scores = cell.headline.model_dump()
        moved = {name: value - lost for name, value in scores.items() if isinstance(value, float)}
        headline = cell.headline.model_copy(update=moved)
        cells.append(cell.model_copy(update={"headline": headline, "cell_id": f"{cell.cell_id}-{budget}"}))
    return c.LabelPoint(
        budget=budget, per_class=train / 10, train=train, validation=train // 3, front=False, cells=tuple(cells),
        take=cells[0].cell_id if cells else None, tied=tuple(cell.cell_id for cell in cells[:3]),
        steps={cell.cell_id: train / 5 for cell in cells},
    )  # fmt: skip


def make_comparison(
    *,
    models=("mobilenet_025", "mobilenetv2_035", "resnet_tiny", "vgg_tiny", "vit_tiny"),
    strategies=("fine_tune: all", "fine_tune: last stage", "linear_probe", "from_scratch"),
    datasets=("digits_photo",),
    sets=("digits",),
    classes=tuple("0123456789"),
    title="Which model for handwritten digits on photographs?",
    failures=(),
    missing=(),
    remarks=(),
    command="suite run specs/vision.json",
) -> c.Comparison:
    """A finished comparison of these names."""
    cells = []
    for dataset in datasets:
        pairs = [(strategy, model) for strategy in strategies for model in models]
        cells += with_verdicts(
            [
                make_cell(model, dataset, strategy, rank, sets=sets, classes=classes)
                for rank, (strategy, model) in enumerate(pairs, start=1)
            ]
        )
    home = {dataset: [cell for cell in cells if cell.dataset == dataset] for dataset in datasets}
    axes = ("latency", "parameters", "training_time")
    answers = []
    for dataset, own in home.items():
        if not own:
            continue
        best = own[0]
        texts = [
            f"It is right on {100 * best.headline.value:.1f} % of the test examples (95 % interval 94.1 to 98.1).",
            f"May be the best, as may {own[-1].name} (difference 0.4 points, −1.1 to 1.9); it answers faster.",
            "If training time matters most: its linear probe takes 0.8 s instead of 31 s and loses 4.9 points.",
        ]
        reasons = tuple(c.Sentence(kind="quality", text=text, numbers={}, cell_ids=(best.cell_id,)) for text in texts)
        answers.append(
            c.Recommendation(
                dataset=dataset,
                cell_id=best.cell_id,
                take=f"Take {best.model}, adapted by {best.strategy}.",
                reasons=reasons,
                tied=(best.cell_id,),
                chosen_by="latency",
            )
        )
    trials = len(cells) * 3
    environment = Environment(
        suite="0.1.0",
        python="3.12.3",
        packages={"keras": "3.15.0", "tensorflow": "2.21.0", "numpy": "2.2.0"},
        platform="Linux x86_64",
        processor="Example CPU",
        device="CPU",
        cpu_count=2,
        threads=2,
        commit="0123abc",
        dirty=False,
        jit_reason="31 ms per step without, 42 ms with",
    )
    return c.Comparison(
        spec_name="vision",
        title=title,
        task="image_classification",
        command=command,
        headline=ACCURACY,
        metrics=(ACCURACY, F1, LOSS),
        datasets=tuple(datasets),
        evaluation_sets=tuple(sets),
        cells=tuple(cells),
        pairs=tuple(pair for dataset, own in home.items() for pair in pairs_of(own, dataset)),
        pareto=tuple(front_of(own, axis, dataset) for dataset, own in home.items() for axis in axes if own),
        failures=tuple(failures),
        skips=(),
        missing=tuple(missing),
        data=tuple(
            DataRecord(
                name=name,
                class_names=tuple(classes),
                sizes={"train": 1078, "validation": 359, "test": 360},
                fingerprint="a91b" * 16,
                licence="CC-BY 4.0",
                origin="scikit-learn: load_digits blended into load_sample_images",
            )
            for name in (*datasets, *sets)
        ),
        weights=(cells[0].weights,) if cells else (),
        environments=(c.EnvironmentUse(environment=environment, trials=trials),),
        facts=c.Facts(
            models=len(models),
            strategies=len(strategies),
            datasets=len(datasets),
            seeds=3,
            cells=len(cells),
            trials_planned=trials + len(missing),
            trials_finished=trials,
            trials_failed=len(failures),
            trials_missing=len(missing),
            cells_skipped=0,
            tests=tuple(
                c.DatasetFacts(dataset=dataset, examples=360, smallest_difference=0.026, chance=0.103)
                for dataset in datasets
            ),
            wall_seconds=252.0,
            worker_seconds=240.0,
            devices=("CPU (2 threads)",),
        ),
        recommendations=tuple(answers),
        remarks=tuple(remarks),
        across=across_datasets(cells, datasets, ACCURACY, why_missing(failures, (), missing)),
    )
