"""Short cuts through moto's handling of DynamoDB's expressions, half the time of an UpdateItem.

An expression is split into tokens and parsed once in a process instead of at each call, and its syntax tree
is copied and walked without what makes that slow: ``copy.deepcopy``, and ``isinstance`` of abstract classes.
All checks of a tree, and what is done with it, stay moto's own.
"""

import copy
import functools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]
    DepthFirstTraverser,
    Expression,
    Node,
    UpdateExpressionFunction,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.validators import ActionCountValidator, OverlappingPathsValidator

OF_ALL_PARTS = (ActionCountValidator, OverlappingPathsValidator)
"""What these find in a part of an expression they also find in the whole."""

_is_kind: Any = functools.cache(issubclass)


@contextmanager
def quick_expressions() -> Iterator[None]:
    parse = functools.cache(UpdateExpressionParser.make)
    quick: list[tuple[type, str, Any]] = [
        # whoever changes a parsed tree copies it before
        (UpdateExpressionParser, "make", staticmethod(parse)),
        (ConditionExpressionParser, "_lex_condition_expression", _lexed_quickly(_lexed_once())),
        (DepthFirstTraverser, "traverse", _traverse),
        (Node, "find_clauses", _find_clauses),
        (DynamoType, "size", _sized_quickly(DynamoType.size)),
    ]
    with ExitStack() as stack:
        for owner, name, function in quick:
            stack.enter_context(patch.object(owner, name, function))
        stack.enter_context(patch.object(Node, "__deepcopy__", _copied, create=True))
        yield


def _lexed_once() -> Any:
    lex = ConditionExpressionParser._lex_condition_expression

    @functools.cache
    def lexed(expression: str) -> list[Any]:
        return list(lex(ConditionExpressionParser(expression, {}, {})))

    return lexed


def _lexed_quickly(lexed: Any) -> Any:
    def lex(parser: ConditionExpressionParser) -> deque[Any]:
        return deque(node._replace(children=[]) for node in lexed(parser.condition_expression))

    return lex


def _sized_quickly(size: Any) -> Any:
    """With each attribute that it sets, moto adds up the sizes of all."""

    def sized(value: DynamoType) -> int:
        if value.type == "S" and value.value.isascii():
            return len(value.value)
        found: int = len(str(value.value)) if value.type == "N" else size(value)
        return found

    return sized


def _copied(node: Any, memo: dict[int, Any]) -> Any:
    copied = object.__new__(type(node))
    copied.__dict__ |= node.__dict__
    if node.children is not None:
        copied.children = [copy.deepcopy(child, memo) for child in node.children]
        for child in copied.children:
            if _is_node(child):
                child.parent = copied
    return copied


def _is_node(value: Any) -> bool:
    return bool(_is_kind(type(value), Node))


def _handler_of(handlers: dict[type, Any]) -> Callable[[type], Any]:
    @functools.cache
    def handler_of(kind: type) -> Any:
        return next((handlers[base] for base in handlers if _is_kind(kind, base)), None)

    return handler_of


def _traverse(traverser: Any, node: Any) -> Any:
    if type(traverser) in OF_ALL_PARTS:
        with suppress(Exception):  # which of its parts it is raised for is moto's to find
            return traverser.process(node)
    handler_of = _handler_of(traverser._processing_map())
    before = traverser.pre_processing_of_child
    if before.__func__ is DepthFirstTraverser.pre_processing_of_child:
        before = None  # it does nothing

    def visit(node: Any, child_id: int) -> Any:
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            if before is not None:
                before(node, number)
            if _is_node(child):
                visit(child, number)
        if (handler := handler_of(type(node))) is not None:
            node = handler(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
        return node

    return visit(node, -1) if _is_node(node) else node


def _find_clauses(node: Any, kinds: list[type]) -> list[Any]:
    found = []
    for child in node.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _is_kind(type(child), (Expression, UpdateExpressionFunction)):
            found += _find_clauses(child, kinds)
    return found
