"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "transfer"


def draw(training="members[:per_class]", test="members[per_class:]", generator="torch.Generator().manual_seed(seed)"):
    return {
        "draw": f"""
            def draw(labels, per_class, seed):
                generator = {generator}
                training, test = [], []
                for label in labels.unique():
                    members = (labels == label).nonzero().flatten()
                    members = members[torch.randperm(len(members), generator=generator)]
                    training.append({training})
                    test.append({test})
                return torch.cat(training), torch.cat(test)
        """
    }


def nearest(known="training", own="mean, std", guard="torch.where(std > 0, std, torch.ones_like(std))"):
    return {
        "nearest": f"""
            def nearest_class(training, labels, test):
                known = {known}
                mean, std = known.mean(dim=0), known.std(dim=0, correction=0)
                std = {guard}
                shift, scale = {own}
                training, test = (training - mean) / std, (test - shift) / scale
                means = torch.stack([training[labels == k].mean(dim=0) for k in range(int(labels.max()) + 1)])
                return torch.cdist(test, means).argmin(dim=1)
        """
    }


def moved(outside="not n.startswith(head + '.')", names="before", changed="not torch.equal(before[n], after[n])"):
    return {
        "moved": f"""
            def moved(before, after, parameters, head):
                names = [n for n in {names} if {outside} and {changed}]
                return sorted(n for n in names if n in parameters), sorted(n for n in names if n not in parameters)
        """
    }


WRONG = {
    "one draw for all classes": (
        {
            "draw": """
                def draw(labels, per_class, seed):
                    generator = torch.Generator().manual_seed(seed)
                    order = torch.randperm(len(labels), generator=generator)
                    return order[:per_class], order[per_class:]
            """
        },
        {"draw-counts": 2},
        "per_class pictures in all",
    ),
    "the test is everything": (draw(test="members"), {"draw-rest": 2}, "in both parts"),
    "as many to test with": (draw(test="members[per_class : 2 * per_class]"), {"draw-rest": 2}, "in neither part"),
    "always the first ones": (
        {
            "draw": """
                def draw(labels, per_class, seed):
                    members = [(labels == label).nonzero().flatten() for label in labels.unique()]
                    return torch.cat([m[:per_class] for m in members]), torch.cat([m[per_class:] for m in members])
            """
        },
        {"draw-random": 2},
        "take the pictures at random",
    ),
    "the seed is not used": (draw(generator="None"), {"draw-random": 2}, "same seed differ"),
    "statistics of all": (nearest(known="torch.cat([training, test])"), {"nearest-leak": 3}, "looked at"),
    "the test's own statistics": (
        nearest(own="test.mean(dim=0), test.std(dim=0, correction=0).clamp(min=1e-9)"),
        {"nearest-simple": 2, "nearest-leak": 3},
        "its own mean and deviation",
    ),
    "no standardization": (nearest(guard="torch.ones_like(std)"), {"nearest-leak": 3}, "keep their units"),
    "a constant column divides by zero": (nearest(guard="std"), {"nearest-simple": 2}, "constant column"),
    "the head is not left out": (
        moved(outside="True"),
        {"moved-parameters": 2, "moved-buffers": 3},
        "the head is not left out",
    ),
    "a name that begins like the head": (
        moved(outside="not n.startswith(head)"),
        {"moved-parameters": 2},
        "begin like",
    ),
    "buffers are forgotten": (moved(names="parameters"), {"moved-buffers": 3}, "only parameters are compared"),
    "counters are forgotten": (
        moved(changed="before[n].is_floating_point() and not torch.equal(before[n], after[n])"),
        {"moved-buffers": 3},
        "counters are left out",
    ),
    "nearly the same counts as the same": (
        moved(changed="not torch.allclose(before[n].float(), after[n].float(), atol=1e-3)"),
        {"moved-parameters": 2},
        "list of parameters",
    ),
    "sums are compared": (
        moved(changed="before[n].sum() != after[n].sum()"),
        {"moved-parameters": 2, "moved-buffers": 3},
        "",
    ),
}

RIGHT = {
    "a draw by random numbers": {
        "draw": """
            def draw(labels, per_class, seed):
                import random
                chance = random.Random(seed)
                members = {}
                for number, label in enumerate(labels.tolist()):
                    members.setdefault(label, []).append(number)
                training = [n for group in members.values() for n in chance.sample(group, per_class)]
                return torch.tensor(training), torch.tensor([n for n in range(len(labels)) if n not in training])
        """
    },
    "the nearest mean by scores": {
        "nearest": """
            def nearest_class(training, labels, test):
                mean = training.mean(0)
                std = ((training - mean) ** 2).mean(0).sqrt()
                std[std == 0] = 1
                members = torch.nn.functional.one_hot(labels).T.to(training.dtype)
                means = members @ ((training - mean) / std) / members.sum(1, keepdim=True)
                return ((test - mean) / std @ means.T - means.square().sum(1) / 2).argmax(1)
        """
    },
    "moved by loops": {
        "moved": """
            def moved(before, after, parameters, head):
                weights, buffers = [], []
                for name in sorted(after):
                    if name.split(".")[0] != head and bool((before[name] != after[name]).any()):
                        (weights if name in set(parameters) else buffers).append(name)
                return [weights, buffers]
        """
    },
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
