using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.Benchmarks.Peers.Floor;

/// <summary>
/// Writes a program of steps as straight-line C: each step a call, slots as local variables, what it points to as static
/// arrays, what it leaves out as a goto.
/// </summary>
/// <param name="id">Stands for the container's id in texts, each of which gets another one in every run.</param>
internal sealed class FloorSource(string id)
{
    private readonly StringBuilder _defines = new();
    private readonly FloorData _data = new(id);
    private readonly StringBuilder _calls = new();
    private readonly SortedSet<int> _slots = [];

    public void Define(string name, string value) => _defines.Append(CultureInfo.InvariantCulture, $"#define {name} {value}\n");

    public string Write(StepProgram program)
    {
        for (int i = 0; i < program.Count; i++)
        {
            Write(in program[i], i);
        }

        return $$"""
            /* Generated from a compiled plan. */
            {{_defines}}
            {{_data.Declarations}}
            static char *patches[] = { {{string.Join(", ", _data.Patches)}} };

            static void steps(void)
            {
                long r{{string.Concat(_slots.Select(slot => $", s{slot} = -1"))}};

            {{_calls}}
            {{Label(program.Count)}}    fail({{program.Count}});
            }

            """;
    }

    private void Write(ref readonly StepProgram.Step step, int index)
    {
        if ((step.Flags & StepProgram.StepFlags.Repeat) != 0)
        {
            throw new ContenderException("the plan has a gate, which has no counterpart in the floor");
        }

        if ((step.Flags & StepProgram.StepFlags.Fails) != 0)
        {
            _calls.Append(CultureInfo.InvariantCulture, $"{Label(index)}    fail({index});\n"); // no call: nothing could be executed
            return;
        }

        string call = string.Join(", ", [step.Call.ToString(CultureInfo.InvariantCulture), .. _data.Arguments(in step, index)]);
        _calls.Append(CultureInfo.InvariantCulture, $"{Label(index)}    CALL({call}); /* {SystemCall.NameOf(step.Call)} */\n");
        if ((step.Flags & StepProgram.StepFlags.ExpectZero) != 0)
        {
            _calls.Append(CultureInfo.InvariantCulture, $"    if (r > 0) fail({index});\n");
        }

        string tolerated = string.Concat(Tolerated(in step).Select(errno => $" && errno != {errno}"));
        _calls.Append(CultureInfo.InvariantCulture, $"    if (r < 0{tolerated}) fail({index});\n");
        if (step.Save >= 0)
        {
            _slots.Add(step.Save);
            _calls.Append(CultureInfo.InvariantCulture, $"    if (r >= 0) s{step.Save} = r;\n");
        }

        if (step.Skip != 0)
        {
            _calls.Append(CultureInfo.InvariantCulture, $"    if (r >= 0) goto step{index + 1 + step.Skip};\n");
        }

        if (step.SkipError != 0)
        {
            _calls.Append(CultureInfo.InvariantCulture, $"    if (r < 0) goto step{index + 1 + step.SkipError};\n");
        }
    }

    // Most are never jumped to.
    private static string Label(int index) => $"step{index}: __attribute__((unused));\n";

    private static unsafe List<int> Tolerated(ref readonly StepProgram.Step step)
    {
        List<int> errnos = [];
        for (int i = 0; i < 4; i++)
        {
            if (step.Tolerated[i] != 0)
            {
                errnos.Add(step.Tolerated[i]);
            }
        }

        return errnos;
    }
}
