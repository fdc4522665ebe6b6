using Containers.Native.Seccomp;

namespace Containers;

/// <summary>
/// A condition on an argument of a system call: <c>SeccompCondition.Argument(0).Is(2)</c> says that it is 2. Arguments are compared as
/// unsigned numbers of 64 bits. Where the kernel looks at 32 of them only (the family of a socket, the request of an ioctl), use <see cref="SeccompArgument.Masked"/>:
/// a caller can set the others as it likes.
/// </summary>
public readonly record struct SeccompCondition
{
    internal SeccompCondition(int index, ArgumentTest test, ulong value, ulong mask = ulong.MaxValue)
        => Native = new ArgumentCondition(index, test, value, mask);

    internal ArgumentCondition Native { get; }

    /// <summary>An argument, to be compared.</summary>
    /// <param name="index">0 to 5.</param>
    public static SeccompArgument Argument(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, 5);
        return new SeccompArgument(index);
    }
}

/// <summary>An argument of a system call.</summary>
public readonly record struct SeccompArgument
{
    private readonly int _index;

    internal SeccompArgument(int index) => _index = index;

    /// <summary>It has this value.</summary>
    /// <param name="value">All 64 bits of it.</param>
    public SeccompCondition Is(ulong value) => new(_index, ArgumentTest.Equal, value);

    /// <summary>It has another value.</summary>
    /// <param name="value">All 64 bits of it.</param>
    public SeccompCondition IsNot(ulong value) => new(_index, ArgumentTest.NotEqual, value);

    /// <summary>It is below.</summary>
    /// <param name="value">Unsigned.</param>
    public SeccompCondition Below(ulong value) => new(_index, ArgumentTest.Less, value);

    /// <summary>It is at most this.</summary>
    /// <param name="value">Unsigned.</param>
    public SeccompCondition AtMost(ulong value) => new(_index, ArgumentTest.LessOrEqual, value);

    /// <summary>It is above.</summary>
    /// <param name="value">Unsigned.</param>
    public SeccompCondition Above(ulong value) => new(_index, ArgumentTest.Greater, value);

    /// <summary>It is at least this.</summary>
    /// <param name="value">Unsigned.</param>
    public SeccompCondition AtLeast(ulong value) => new(_index, ArgumentTest.GreaterOrEqual, value);

    /// <summary>Its bits under a mask have this value.</summary>
    /// <param name="mask">The bits that count: 0xffffffff for an argument that the kernel takes as an int.</param>
    /// <param name="value">Their value.</param>
    public SeccompCondition Masked(ulong mask, ulong value) => new(_index, ArgumentTest.MaskedEqual, value, mask);
}
