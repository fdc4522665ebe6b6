using Containers.Launch;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Storage;

/// <summary>Makes the copy that is a container's root; it is removed with the container's directory.</summary>
internal sealed class CopiedRoot : LaunchPart
{
    public override void Foresee(LaunchRequest request)
    {
        request.CopiedDirectories = request.LowerDirectories;
        request.LowerDirectories = [request.StateDirectory + "/copy"];
    }

    public override void Prepare(LaunchRequest request)
    {
        Foresee(request);
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        string copy = request.LowerDirectories[0];
        StoreFiles.MakeDirectory(copy, 0x1c0 /* 0700, until its owner is right */);
        using TreeCopier copier = new(copy, new CopiedOwners(request.Maps));
        foreach (string layer in request.CopiedDirectories.Reverse())
        {
            copier.Add(layer);
        }

        copier.Finish();
    }
}
