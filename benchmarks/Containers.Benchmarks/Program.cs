using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Containers.Benchmarks;
using Containers.Benchmarks.Exec;
using Containers.Benchmarks.Limits;
using Containers.Benchmarks.Networks;
using Containers.Benchmarks.Peers;
using Containers.Benchmarks.Pull;
using Containers.Benchmarks.Seccomp;

// peers …   whole containers, ours beside others; own-host is how it runs ours in another process
// unpack …  layers unpacked, beside GNU tar
// pull …    an image of four layers from a registry and from an archive, beside podman, containerd, skopeo with umoci, and a shell
// erofs …   whether an EROFS image for each layer would beat unpacked files
// scale …   starts on a bridge that has many containers already, beside the first ones
// throughput …  TCP from a container to the host, beside a veth pair made with ip
// seccomp [calls]  what the default filter costs a system call, beside libseccomp's for the same profile
// exec …    a further process of a running container, beside crun's and runc's
// timeout …  how long after its time a container is gone
// anything else goes to BenchmarkDotNet: the parts of the hot path
switch (args.FirstOrDefault())
{
    case "peers":
        return PeersCommand.Run(args[1..]);
    case OwnHost.Command:
        return OwnHost.Run(args[1..]);
    case "unpack":
        return UnpackBenchmark.Run(args[1..]);
    case "pull":
        return PullBenchmark.Run(args[1..]);
    case "erofs":
        return ErofsBenchmark.Run(args[1..]);
    case PullBenchmark.Once:
        return PullBenchmark.RunOnce(args[1..]);
    case "scale":
        return ScaleBenchmark.Run(args[1..]);
    case "throughput":
        return ThroughputBenchmark.Run(args[1..]);
    case "seccomp":
        return SeccompBenchmark.Run(args[1..]);
    case "exec":
        return ExecBenchmark.Run(args[1..]);
    case "timeout":
        return TimeoutBenchmark.Run(args[1..]);
    default:
        // In this process: the parts measured here are internal, and a start of a child is the same in any process.
        IConfig config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
        return 0;
}
