using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.Benchmarks.Peers.Floor;

/// <summary>The arguments of steps as C, and the texts and structures they point to as arrays.</summary>
internal sealed unsafe class FloorData(string id)
{
    // What each argument is: n a number, s a text, v an array of texts; a number of bytes, or @i: as many as argument i says,
    // *i: four times as many; f a sock_fprog, which points to its instructions. A call that is not here is refused, since a pointer could not be told from a number.
    private static readonly Dictionary<string, string> s_signatures = new()
    {
        ["prctl"] = "n n n n n", ["ppoll"] = "8 n 16 n n", ["close_range"] = "n n n", ["close"] = "n", ["dup3"] = "n n n", ["setsid"] = "", ["umask"] = "n",
        ["mount"] = "s s s n s", ["umount2"] = "s n", ["pivot_root"] = "s s", ["fsopen"] = "s n", ["fsconfig"] = "n n s s n", ["fsmount"] = "n n n",
        ["move_mount"] = "n s n s n", ["open_tree"] = "n s n", ["mount_setattr"] = "n s n @4 n", ["openat"] = "n s n n", ["openat2"] = "n s @3 n",
        ["mkdirat"] = "n s n", ["mknodat"] = "n s n n", ["symlinkat"] = "s n s", ["linkat"] = "n s n s n", ["unlinkat"] = "n s n", ["fchmodat"] = "n s n",
        ["fchownat"] = "n s n n n", ["faccessat"] = "n s n", ["write"] = "n @2 n", ["chdir"] = "s", ["fchdir"] = "n", ["chroot"] = "s",
        ["sethostname"] = "s n", ["setdomainname"] = "s n", ["socket"] = "n n n", ["ioctl"] = "n n 40", ["setgroups"] = "n *0", ["setresgid"] = "n n n",
        ["setresuid"] = "n n n", ["capset"] = "8 24", ["rt_sigprocmask"] = "n 8 8 n", ["rt_sigaction"] = "n 32 32 n", ["execve"] = "s v v", ["setns"] = "n n", ["unshare"] = "n",
        ["keyctl"] = "n n", ["seccomp"] = "n n f",
    };

    private const int InstructionSize = 8; // linux/filter.h, struct sock_filter

    public StringBuilder Declarations { get; } = new();

    /// <summary>Where the id stands in the texts: C expressions.</summary>
    public List<string> Patches { get; } = [];

    public List<string> Arguments(ref readonly StepProgram.Step step, int index)
    {
        string name = SystemCall.NameOf(step.Call);
        if (!s_signatures.TryGetValue(name, out string? signature))
        {
            throw new ContenderException($"the plan calls {name}, whose arguments are not described in {nameof(FloorData)}");
        }

        List<string> arguments = [];
        foreach (string kind in signature.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int at = arguments.Count;
            long value = step.Args[at];
            string variable = $"d{index}_{at}";
            arguments.Add((step.FromSlot >> at & 1) != 0 ? $"s{value}" : kind switch
            {
                "n" => value.ToString(CultureInfo.InvariantCulture) + "L",
                _ when value == 0 => "0L",
                "s" => Text(variable, (byte*)value),
                "v" => Texts(variable, (byte**)value),
                "f" => Filter(variable, (Kernel.sock_fprog*)value),
                _ => Bytes(variable, new ReadOnlySpan<byte>((byte*)value, Size(kind, in step))),
            });
        }

        return arguments;
    }

    private static int Size(string kind, ref readonly StepProgram.Step step) => kind[0] switch
    {
        '@' => (int)step.Args[kind[1] - '0'],
        '*' => (int)step.Args[kind[1] - '0'] * 4,
        _ => int.Parse(kind, CultureInfo.InvariantCulture),
    };

    private string Texts(string variable, byte** texts)
    {
        StringBuilder array = new();
        for (int i = 0; texts[i] != null; i++)
        {
            array.Append(Text($"{variable}_{i}", texts[i])).Append(", ");
        }

        Declarations.Append(CultureInfo.InvariantCulture, $"static char *{variable}[] = {{ {array}0 }};\n");
        return variable;
    }

    private string Filter(string variable, Kernel.sock_fprog* filter)
    {
        string instructions = Bytes(variable + "_code", new ReadOnlySpan<byte>(filter->filter, filter->len * InstructionSize));
        Declarations.Append(CultureInfo.InvariantCulture, $"static struct {{ unsigned short len; char *filter; }} {variable} = {{ {filter->len}, {instructions} }};\n");
        return "&" + variable;
    }

    private string Text(string variable, byte* text)
    {
        ReadOnlySpan<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text);
        StringBuilder literal = new("\"");
        foreach (byte one in bytes)
        {
            literal.Append(one is >= 0x20 and < 0x7f and not ((byte)'"' or (byte)'\\' or (byte)'?') ? ((char)one).ToString() : "\\" + Convert.ToString(one, 8).PadLeft(3, '0'));
        }

        return Declare(variable, bytes, literal.Append('"').ToString());
    }

    private string Bytes(string variable, ReadOnlySpan<byte> bytes)
    {
        StringBuilder list = new("{ ");
        foreach (byte one in bytes)
        {
            list.Append(CultureInfo.InvariantCulture, $"{(sbyte)one}, ");
        }

        return bytes.IsEmpty ? "0L" : Declare(variable, bytes, list.Append('}').ToString());
    }

    private string Declare(string variable, ReadOnlySpan<byte> bytes, string value)
    {
        Declarations.Append(CultureInfo.InvariantCulture, $"static char {variable}[] __attribute__((aligned(8))) = {value};\n");
        ReadOnlySpan<byte> pattern = Encoding.UTF8.GetBytes(id);
        for (int at = 0; bytes[at..].IndexOf(pattern) is >= 0 and int found; at += found + pattern.Length)
        {
            Patches.Add(string.Create(CultureInfo.InvariantCulture, $"{variable} + {at + found}"));
        }

        return variable;
    }
}
