"""An agent with one tool. Every request of its runner is a call with an outcome."""

from contextlib import closing

import anthropic
from anthropic import beta_tool

import midstream

MODEL = "claude-sonnet-5"


@beta_tool
def get_weather(location: str, unit: str) -> str:
    """The weather in a city.

    Args:
        location: The city.
        unit: celsius or fahrenheit.
    """
    return f"18 degrees {unit}, and rain, in {location}"


def main() -> None:
    """Print the agent's text turn by turn, or why it stopped."""
    runner = anthropic.Anthropic().beta.messages.tool_runner(
        model=MODEL,
        max_tokens=1024,
        max_iterations=5,
        tools=[get_weather],
        messages=[{"role": "user", "content": "Do I need an umbrella in Paris?"}],
        stream=True,
    )
    try:
        with closing(runner):  # without it, the SDK does not end its span around a run that fails
            for turn in runner:
                print("".join(turn.text_stream) or "(a tool is called)")
                if turn.current_message_snapshot.stop_reason is None:
                    raise midstream.StreamTruncatedError  # the SDK raises nothing for half a response
    except Exception as error:  # not only anthropic.APIError: the SDK does not wrap what breaks mid-stream
        print(f"It stopped: {midstream.classify(error)}")


if __name__ == "__main__":
    main()
