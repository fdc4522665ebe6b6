using Xunit;

namespace Containers.Tests.Topology;

/// <summary>What tests of topologies share: namespaces that are let go of afterwards, and the question what the kernel has.</summary>
public abstract class Lab : IClassFixture<HostState>, IDisposable
{
    private readonly List<NetworkNamespace> _namespaces = [];

    protected Lab()
    {
        Requires.OwnNetwork();
        Requires.Tools("ip", "bridge", "tc");
    }

    public void Dispose()
    {
        _namespaces.ForEach(networkNamespace => networkNamespace.Dispose());
        GC.SuppressFinalize(this);
    }

    protected NetworkNamespace Namespace()
    {
        NetworkNamespace made = NetworkNamespace.Create();
        _namespaces.Add(made);
        return made;
    }

    /// <summary>Runs one of iproute2's programs in a namespace.</summary>
    private protected static string Inside(NetworkNamespace networkNamespace, string program, params string[] arguments)
        => Tool.Run("nsenter", [$"--net=/proc/{Environment.ProcessId}/fd/{networkNamespace.Handle.Descriptor}", program, .. arguments]);

    /// <summary>Skips a test of what this kernel has not: in CI, too, since no package would bring it.</summary>
    protected static void SkipUnlessKernelHas(string feature, Action attempt)
    {
        try
        {
            attempt();
        }
        catch (NetlinkException exception)
        {
            Assert.Contains(feature, exception.Hint, StringComparison.Ordinal);
            Assert.Skip($"this kernel lacks {feature}, and the error says so");
        }
    }
}
